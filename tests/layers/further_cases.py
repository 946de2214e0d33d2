"""Cases of layers beyond the backbone, and what they mean in slow loops: one value at a time."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.layers.abs import Abs
from npusim.layers.argmax import Argmax
from npusim.layers.base import Layer
from npusim.layers.broadcasting import BroadcastingLayer
from npusim.layers.celu import Celu
from npusim.layers.conv2d_transpose import Conv2dTranspose
from npusim.layers.elu import Elu
from npusim.layers.gather import Gather
from npusim.layers.gelu import Gelu, GeluForm
from npusim.layers.hard_sigmoid import HardSigmoid
from npusim.layers.hard_swish import HardSwish
from npusim.layers.l2_normalization import L2Normalization
from npusim.layers.leaky_relu import LeakyRelu
from npusim.layers.matmul import Matmul
from npusim.layers.maximum import Maximum
from npusim.layers.mean import Mean
from npusim.layers.minimum import Minimum
from npusim.layers.mish import Mish
from npusim.layers.mul import Mul
from npusim.layers.pointwise import PointwiseLayer
from npusim.layers.prelu import Prelu
from npusim.layers.reduction import ReducingLayer
from npusim.layers.resize import Interpolation, Resize
from npusim.layers.selu import Selu
from npusim.layers.sigmoid import Sigmoid
from npusim.layers.silu import Silu
from npusim.layers.slice import Slice
from npusim.layers.softmax import Softmax
from npusim.layers.sub import Sub
from npusim.layers.sum import Sum
from npusim.layers.tanh import Tanh
from npusim.layers.transpose import Transpose
from npusim.resampling import Coordinates, NearestRounding

Floats = npt.NDArray[np.float64]
Shapes = list[tuple[int, ...]]

X = {"name": "y", "inputs": ("a",)}
TWO = {"name": "y", "inputs": ("a", "b")}
IMAGE = (2, 3, 4)


def _some(*shape: int) -> npt.NDArray[np.float32]:
    return np.random.default_rng(list(shape)).normal(size=shape).astype(np.float32)


FURTHER_CASES: list[tuple[Layer, Shapes, tuple[int, ...]]] = [
    *[
        (layer, [IMAGE], IMAGE)
        for layer in (
            Sigmoid(**X),
            Tanh(**X),
            Abs(**X),
            HardSigmoid(**X, alpha=0.3),
            HardSwish(**X),
            Silu(**X),
            Mish(**X),
            LeakyRelu(**X, alpha=0.2),
            Elu(**X, alpha=0.7),
            Celu(**X, alpha=0.7),
            Selu(**X, alpha=1.5, gamma=1.25),
            Gelu(**X),
            Gelu(**X, form=GeluForm.TANH),
            Prelu(**X, slope=_some(4)),
            Softmax(**X),
            Softmax(**X, axis=0),
            L2Normalization(**X),
            L2Normalization(**X, axis=1, epsilon=2.0),
        )
    ],
    (Sub(**TWO, clip=(0, None)), [IMAGE, (2, 1, 4)], IMAGE),
    (Mul(**TWO), [(1, 1, 4), IMAGE], IMAGE),
    (Minimum(**TWO), [IMAGE, IMAGE], IMAGE),
    (Maximum(**TWO, clip=(None, 0.5)), [IMAGE, IMAGE], IMAGE),
    (Argmax(**X), [IMAGE], (2, 3)),
    (Argmax(**X, axis=0), [(5,)], (1,)),
    (Mean(**X, axes=(-3, -2)), [IMAGE], (4,)),
    (Mean(**X, axes=(2, 0), keep_dims=True), [IMAGE], (1, 3, 1)),
    (Sum(**X, axes=(1,)), [IMAGE], (2, 4)),
    (Sum(**X, axes=(-1,)), [(5,)], (1,)),
    (Matmul(**TWO), [(2, 3, 4), (2, 4, 5)], (2, 3, 5)),
    (Transpose(**X, permutation=(2, 0, 1)), [IMAGE], (4, 2, 3)),
    (Slice(**X, cuts=((0, 2, 1), (1, 3, 2), (1, 4, 2))), [IMAGE], (2, 1, 2)),
    (Gather(**X, axis=1, indices=np.array([2, 0, 0, 1])), [IMAGE], (2, 4, 4)),
    (Gather(**X, indices=np.array([3, 3, 1])), [IMAGE], (2, 3, 3)),
    (Gather(**X, axis=0, indices=np.array([0, 1, 0])), [(2, 5)], (3, 5)),
    (Resize(**X, size=(5, 4)), [IMAGE], (5, 4, 4)),
    (
        Resize(**X, size=(5, 2), coordinates=Coordinates.ASYMMETRIC, rounding=NearestRounding.CEIL),
        [IMAGE],
        (5, 2, 4),
    ),
    (Resize(**X, size=(5, 4), interpolation=Interpolation.BILINEAR), [IMAGE], (5, 4, 4)),
    (
        Resize(**X, size=(3, 7), interpolation=Interpolation.BILINEAR, coordinates=Coordinates.ALIGN_CORNERS),
        [IMAGE],
        (3, 7, 4),
    ),
    (
        Conv2dTranspose(
            **X,
            weights=_some(6, 3, 2, 2),
            bias=_some(6),
            groups=2,
            stride=(2, 3),
            dilation=(1, 2),
            padding=((1, 0), (0, 1)),
            output_padding=(1, 0),
        ),
        [IMAGE],
        (5, 8, 6),
    ),
]


def further_value_of(layer: Layer, inputs: list[Floats]) -> Callable[..., float] | None:
    """A function from output position to value; None for other layers."""
    x = inputs[0]
    match layer:
        case PointwiseLayer():
            return lambda *place: _pointwise(layer, float(x[place]), place[-1])
        case BroadcastingLayer():
            return lambda *place: _binary(layer, *(_broadcast(each, place) for each in inputs))
        case Softmax():
            return lambda *place: _share(x, layer.axis, place)
        case L2Normalization():
            return lambda *place: _unit(x, layer, place)
        case ReducingLayer():
            return lambda *place: _reduced(layer, x, place)
        case Argmax():
            return lambda *place: _largest(x, layer.axis % x.ndim, place)
        case Matmul():
            return lambda n, r, c: sum(x[n, r, k] * inputs[1][n, k, c] for k in range(x.shape[2]))
        case Transpose():
            return lambda *place: x[tuple(place[layer.permutation.index(axis)] for axis in range(x.ndim))]
        case Slice():
            return lambda *place: x[
                tuple(start + at * step for at, (start, _, step) in zip(place, layer.cuts, strict=True))
            ]
        case Gather():
            return lambda *place: _copied(x, layer.axis % x.ndim, layer.indices, place)
        case Resize():
            return lambda r, c, k: _resized(layer, x[..., k], r, c)
        case Conv2dTranspose():
            return lambda r, c, o: _spread(layer, x, r, c, o)
    return None


def _pointwise(layer: Any, v: float, channel: int) -> float:
    logistic = 1 / (1 + math.exp(-v))
    inner = math.sqrt(2 / math.pi) * (v + 0.044715 * v**3)
    functions: dict[str, Callable[[], float]] = {
        "sigmoid": lambda: logistic,
        "abs": lambda: max(v, -v),
        "tanh": lambda: math.tanh(v),
        "hard_sigmoid": lambda: min(max(layer.alpha * v + layer.beta, 0), 1),
        "hard_swish": lambda: v * min(max(v + 3, 0), 6) / 6,
        "silu": lambda: v * logistic,
        "mish": lambda: v * math.tanh(math.log1p(math.exp(v))),
        "leaky_relu": lambda: v if v > 0 else layer.alpha * v,
        "elu": lambda: v if v > 0 else layer.alpha * (math.exp(v) - 1),
        "celu": lambda: v if v > 0 else layer.alpha * (math.exp(v / layer.alpha) - 1),
        "selu": lambda: layer.gamma * (v if v > 0 else layer.alpha * (math.exp(v) - 1)),
        "prelu": lambda: v if v > 0 else float(layer.slope[channel]) * v,
        "gelu": lambda: (
            v * (1 + (math.erf(v / math.sqrt(2)) if layer.form == "erf" else math.tanh(inner))) / 2
        ),
    }
    return functions[layer.kind]()


def _broadcast(x: Floats, place: tuple[int, ...]) -> float:
    return float(x[tuple(min(at, length - 1) for at, length in zip(place, x.shape, strict=True))])


def _binary(layer: Any, a: float, b: float) -> float:
    made = {"add": a + b, "sub": a - b, "mul": a * b, "minimum": min(a, b), "maximum": max(a, b)}[layer.kind]
    low, high = layer.clip or (None, None)
    made = made if low is None else max(made, low)
    return made if high is None else min(made, high)


def _line(x: Floats, axis: int, place: tuple[int, ...]) -> list[float]:
    """The values along an axis through a place; the place's coordinate on that axis is not read."""
    axis %= x.ndim
    return [float(x[(*place[:axis], at, *place[axis + 1 :])]) for at in range(x.shape[axis])]


def _share(x: Floats, axis: int, place: tuple[int, ...]) -> float:
    return math.exp(x[place]) / sum(math.exp(value) for value in _line(x, axis, place))


def _unit(x: Floats, layer: L2Normalization, place: tuple[int, ...]) -> float:
    return float(x[place]) / max(math.hypot(*_line(x, layer.axis, place)), layer.epsilon)


def _reduced(layer: ReducingLayer, x: Floats, place: tuple[int, ...]) -> float:
    gone = {axis % x.ndim for axis in layer.axes}
    kept = [axis for axis in range(x.ndim) if axis not in gone]
    wanted = [place[axis] for axis in kept] if layer.keep_dims else list(place[: len(kept)])
    values = [x[at] for at in np.ndindex(x.shape) if [at[axis] for axis in kept] == wanted]
    return float(sum(values)) / (len(values) if layer.kind == "mean" else 1)


def _largest(x: Floats, axis: int, place: tuple[int, ...]) -> float:
    whole = (0,) if x.ndim == 1 else (*place[:axis], 0, *place[axis:])
    line = _line(x, axis, whole)
    return float(line.index(max(line)))


def _copied(x: Floats, axis: int, indices: npt.NDArray[Any], place: tuple[int, ...]) -> float:
    return float(x[(*place[:axis], indices[place[axis]], *place[axis + 1 :])])


def _place(layer: Resize, at: int, length: int, made: int) -> float:
    if layer.coordinates is Coordinates.ALIGN_CORNERS:
        return at * (length - 1) / (made - 1)
    if layer.coordinates is Coordinates.ASYMMETRIC:
        return at * length / made
    return (at + 0.5) * length / made - 0.5


def _resized(layer: Resize, x: Floats, row: int, column: int) -> float:
    places = [_place(layer, at, n, m) for at, n, m in zip((row, column), x.shape, layer.size, strict=True)]
    places = [min(max(place, 0), n - 1) for place, n in zip(places, x.shape, strict=True)]
    if layer.interpolation is Interpolation.NEAREST:
        ceil = layer.rounding is NearestRounding.CEIL
        r, c = (math.ceil(place if ceil else place - 0.5) for place in places)
        return float(x[r, c])
    total = 0.0
    for r, c in np.ndindex(x.shape):
        total += x[r, c] * max(1 - abs(places[0] - r), 0) * max(1 - abs(places[1] - c), 0)
    return total


def _spread(layer: Conv2dTranspose, x: Floats, row: int, column: int, o: int) -> float:
    assert layer.bias is not None
    outputs, _, _, width = layer.weights.shape
    first = o // (outputs // layer.groups) * width
    total = float(layer.bias[o])
    for r, c in np.ndindex(x.shape[:2]):
        for ky, kx, i in np.ndindex(layer.weights.shape[1:]):
            y = r * layer.stride[0] + ky * layer.dilation[0] - layer.padding[0][0]
            z = c * layer.stride[1] + kx * layer.dilation[1] - layer.padding[1][0]
            if (y, z) == (row, column):
                total += float(layer.weights[o, ky, kx, i]) * x[r, c, first + i]
    return total
