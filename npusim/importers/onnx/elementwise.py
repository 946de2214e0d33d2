"""ONNX's elementwise operations on numpy arrays: for constants, and to recognise functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import erf

import numpy as np

from npusim.importers.onnx.graph import Array, OnnxNode

Function = Callable[[OnnxNode, Sequence[Array]], Array]

_erf = np.vectorize(erf, otypes=[np.float64])


def sigmoid(x: Array) -> Array:
    """``1 / (1 + exp(-x))``, without overflow."""
    return 0.5 * (1.0 + np.tanh(0.5 * x))


def _divide(_: OnnxNode, inputs: Sequence[Array]) -> Array:
    a, b = inputs
    if np.issubdtype(a.dtype, np.integer):
        truncated: Array = (np.sign(a) * np.sign(b) * (np.abs(a) // np.abs(b))).astype(a.dtype)
        return truncated
    return a / b


def _modulo(node: OnnxNode, inputs: Sequence[Array]) -> Array:
    a, b = inputs
    return np.fmod(a, b) if node.integer("fmod", 0) else np.mod(a, b)


def _clip(node: OnnxNode, inputs: Sequence[Array]) -> Array:
    limit = float(np.finfo(np.float32).max)
    bounds: list[Array | float] = [node.number("min", -limit), node.number("max", limit)]
    given = [i for i in (1, 2) if node.has_input(i)]
    for index, value in zip(given, inputs[1:], strict=True):
        bounds[index - 1] = value
    return np.clip(inputs[0], bounds[0], bounds[1])


def _hard_sigmoid(node: OnnxNode, inputs: Sequence[Array]) -> Array:
    return np.clip(node.number("alpha", 0.2) * inputs[0] + node.number("beta", 0.5), 0, 1)


def _variadic(function: Callable[[Array, Array], Array]) -> Function:
    def evaluator(_: OnnxNode, inputs: Sequence[Array]) -> Array:
        made = inputs[0]
        for value in inputs[1:]:
            made = function(made, value)
        return made

    return evaluator


def _plain(function: Callable[..., Array]) -> Function:
    return lambda _, inputs: function(*inputs)


ELEMENTWISE: dict[str, Function] = {
    "Add": _plain(np.add),
    "Sub": _plain(np.subtract),
    "Mul": _plain(np.multiply),
    "Div": _divide,
    "Mod": _modulo,
    "Pow": _plain(lambda a, b: np.power(a, b.astype(a.dtype))),
    "Min": _variadic(np.minimum),
    "Max": _variadic(np.maximum),
    "Sum": _variadic(np.add),
    "Neg": _plain(np.negative),
    "Abs": _plain(np.abs),
    "Sqrt": _plain(np.sqrt),
    "Exp": _plain(np.exp),
    "Log": _plain(np.log),
    "Floor": _plain(np.floor),
    "Ceil": _plain(np.ceil),
    "Reciprocal": _plain(np.reciprocal),
    "Erf": _plain(lambda x: _erf(x).astype(x.dtype)),
    "Tanh": _plain(np.tanh),
    "Sigmoid": _plain(sigmoid),
    "Relu": _plain(lambda x: np.maximum(x, 0)),
    "Softplus": _plain(lambda x: np.logaddexp(x, 0)),
    "Clip": _clip,
    "HardSigmoid": _hard_sigmoid,
    "Equal": _plain(np.equal),
    "Less": _plain(np.less),
    "Greater": _plain(np.greater),
    "Not": _plain(np.logical_not),
    "And": _plain(np.logical_and),
    "Or": _plain(np.logical_or),
    "Where": _plain(np.where),
}
"""By operation; binary ones broadcast."""
