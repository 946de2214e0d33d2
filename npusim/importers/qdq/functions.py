"""Functions of one code: what dequantizing, a float32 function and quantizing make of each, as a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt

from npusim.importers.onnx.graph import Array, OnnxNode
from npusim.importers.qdq.quantization import Quantization, Singles

FloatFunction = Callable[[Singles], Singles]

_MOST = float(np.finfo(np.float32).max)


def table(x: Quantization, functions: Sequence[FloatFunction], y: Quantization) -> npt.NDArray[np.int64]:
    """The code of every code, from the lowest on."""
    values = x.dequantize(np.arange(x.codes.low, x.codes.high + 1))
    with np.errstate(all="ignore"):
        for function in functions:
            values = function(values).astype(np.float32)
    return y.quantize(values)


def float_function(node: OnnxNode, constants: Sequence[Array | None]) -> FloatFunction | None:
    """What a node does to each value; None if it is no function of a single one.

    Parameters
    ----------
    constants
        The values of its other inputs.
    """
    made = _FUNCTIONS.get(node.op)
    return None if made is None else made(node, constants)


def bounds(node: OnnxNode, constants: Sequence[Array | None]) -> tuple[float | None, float | None]:
    """Between which values Relu or Clip leave alone; None: no bound."""
    if node.op == "Relu":
        return 0.0, None
    given = [_scalar(node, value) for value in (*constants, None, None)[:2]]
    named = [
        node.number(name, 0.0) if name in node.attributes else value
        for name, value in zip(("min", "max"), given, strict=True)
    ]
    return (
        None if named[0] is None or named[0] <= -_MOST else named[0],
        None if named[1] is None or named[1] >= _MOST else named[1],
    )


def _scalar(node: OnnxNode, value: Array | None) -> float | None:
    if value is None:
        return None
    if value.size != 1:
        raise node.error("bounds are single numbers", found=value.shape)
    return float(value.reshape(-1)[0])


def _clip(node: OnnxNode, constants: Sequence[Array | None]) -> FloatFunction:
    low, high = bounds(node, constants)
    limits = (np.float32(-np.inf if low is None else low), np.float32(np.inf if high is None else high))
    return lambda x: np.minimum(np.maximum(x, limits[0]), limits[1])


def _leaky_relu(node: OnnxNode, constants: Sequence[Array | None]) -> FloatFunction:
    alpha = np.float32(node.number("alpha", 0.01))
    return lambda x: np.where(x >= 0, x, alpha * x)


def _hard_sigmoid(node: OnnxNode, constants: Sequence[Array | None]) -> FloatFunction:
    alpha, beta = (np.float32(node.number(*each)) for each in (("alpha", 0.2), ("beta", 0.5)))
    return lambda x: np.clip(alpha * x + beta, np.float32(0), np.float32(1))


def _hard_swish(node: OnnxNode, constants: Sequence[Array | None]) -> FloatFunction:
    sixth, half = np.float32(1 / 6), np.float32(0.5)
    return lambda x: x * np.clip(sixth * x + half, np.float32(0), np.float32(1))


def _exactly(
    function: Callable[[Array], Array],
) -> Callable[[OnnxNode, Sequence[Array | None]], FloatFunction]:
    """A function of real numbers, rounded once."""
    return lambda node, constants: partial(_rounded_once, function)


def _rounded_once(function: Callable[[Array], Array], x: Singles) -> Singles:
    made: Singles = function(x.astype(np.float64)).astype(np.float32)
    return made


_FUNCTIONS: Mapping[str, Callable[[OnnxNode, Sequence[Array | None]], FloatFunction]] = {
    "Abs": _exactly(np.abs),
    "Clip": _clip,
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": _hard_swish,
    "Identity": lambda node, constants: lambda x: x,
    "LeakyRelu": _leaky_relu,
    "Neg": _exactly(np.negative),
    "Relu": _clip,
    "Sigmoid": _exactly(lambda x: 1 / (1 + np.exp(-x))),
    "Tanh": _exactly(np.tanh),
}
