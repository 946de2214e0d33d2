"""What layers mean, in float64 and slow loops: one value at a time."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.layers.avg_pool2d import AvgPool2d
from npusim.layers.base import Layer
from npusim.layers.batch_norm import BatchNorm
from npusim.layers.clipping import ClippingLayer
from npusim.layers.concat import Concat
from npusim.layers.conv2d import Conv2d
from npusim.layers.dense import Dense
from npusim.layers.depthwise_conv2d import DepthwiseConv2d
from npusim.layers.global_avg_pool import GlobalAvgPool
from npusim.layers.max_pool2d import MaxPool2d
from npusim.layers.pad import Pad
from tests.layers.further_cases import further_value_of

Floats = npt.NDArray[np.float64]


def evaluate(layer: Layer, shape: tuple[int, ...], inputs: list[Floats]) -> Floats:
    """A layer's output of shape `shape` for a batch."""
    made = np.empty((len(inputs[0]), *shape))
    for image in range(len(made)):
        value = _value_of(layer, [x[image] for x in inputs])
        for place in np.ndindex(shape):
            made[(image, *place)] = value(*place)
    return made


def _value_of(layer: Layer, inputs: list[Floats]) -> Callable[..., float]:
    """A function from output position to value."""
    further = further_value_of(layer, inputs)
    if further is not None:
        return further
    x = inputs[0]
    match layer:
        case Conv2d():
            outputs, _, _, width = layer.weights.shape
            per_group = outputs // layer.groups
            return _mac(layer, x, lambda o, i: o // per_group * width + i)
        case DepthwiseConv2d():
            return _mac(layer, x, lambda o, i: o // (layer.output_channels // x.shape[2]))
        case Dense():
            return lambda *place: _clip(
                layer,
                sum(float(w) * v for w, v in zip(layer.weights[place[-1]], x[place[:-1]], strict=True))
                + layer.real_bias[place[-1]],
            )
        case AvgPool2d():
            return lambda r, c, k: _average(layer, _window(layer, x, r, c, k))
        case MaxPool2d():
            return lambda r, c, k: max(_window(layer, x, r, c, k))
        case GlobalAvgPool():
            return lambda *place: sum(x[..., place[-1]].flat) / (x.shape[0] * x.shape[1])
        case Concat():
            return lambda *place: _behind(inputs, layer.axis % x.ndim, list(place))
        case Pad():
            return lambda *place: _padded(layer, x, place)
        case BatchNorm():
            return lambda *place: _normal(layer, x[place], place[-1])
        case ClippingLayer():
            return lambda *place: _bounded(x[place], layer.bounds)
    return lambda *place: x.flat[_flat(place, layer.output_shapes([x.shape])[0])]


def _mac(layer: Any, x: Floats, reads: Callable[[int, int], int]) -> Callable[..., float]:
    def value(row: int, column: int, o: int) -> float:
        total = float(layer.real_bias[o])
        for ky, kx, i in np.ndindex(layer.weights.shape[1:]):
            r = row * layer.stride[0] + ky * layer.dilation[0] - layer.padding[0][0]
            c = column * layer.stride[1] + kx * layer.dilation[1] - layer.padding[1][0]
            if 0 <= r < x.shape[0] and 0 <= c < x.shape[1]:
                total += float(layer.weights[o, ky, kx, i]) * x[r, c, reads(o, i)]
        return _clip(layer, total)

    return value


def _window(layer: Any, x: Floats, row: int, column: int, channel: int) -> list[float]:
    top = row * layer.stride[0] - layer.padding[0][0]
    left = column * layer.stride[1] - layer.padding[1][0]
    return [
        x[r, c, channel]
        for r in range(top, top + layer.kernel[0])
        for c in range(left, left + layer.kernel[1])
        if 0 <= r < x.shape[0] and 0 <= c < x.shape[1]
    ]


def _average(layer: AvgPool2d, window: list[float]) -> float:
    return sum(window) / (prod(layer.kernel) if layer.count_padding else len(window))


def _behind(inputs: list[Floats], axis: int, place: list[int]) -> float:
    for x in inputs:
        if place[axis] < x.shape[axis]:
            return float(x[tuple(place)])
        place[axis] -= x.shape[axis]
    raise IndexError(place)


def _padded(layer: Pad, x: Floats, place: tuple[int, ...]) -> float:
    inner = tuple(at - before for at, (before, _) in zip(place, layer.pads, strict=True))
    inside = all(0 <= at < length for at, length in zip(inner, x.shape, strict=True))
    return float(x[inner]) if inside else layer.value


def _normal(layer: BatchNorm, value: float, channel: int) -> float:
    sigma = (float(layer.variance[channel]) + layer.epsilon) ** 0.5
    return float(layer.gamma[channel]) * (value - float(layer.mean[channel])) / sigma + float(
        layer.beta[channel]
    )


def _clip(layer: Any, value: float) -> float:
    return value if layer.clip is None else _bounded(value, layer.clip)


def _bounded(value: float, bounds: tuple[float | None, float | None]) -> float:
    low, high = bounds
    value = value if low is None else max(value, low)
    return value if high is None else min(value, high)


def _flat(place: tuple[int, ...], shape: tuple[int, ...]) -> int:
    index = 0
    for at, length in zip(place, shape, strict=True):
        index = index * length + at
    return index
