"""Convolutions: on the MAC array, whose accumulators are the result."""

from __future__ import annotations

from typing import Any

import numpy as np

from npusim.importers.tosa.builder import Builder
from npusim.importers.tosa.checks import Two, exact_quotient, require_least, require_rank, zero_point
from npusim.importers.tosa.graph import Array, Operator
from npusim.importers.tosa.images import each_image
from npusim.importers.tosa.schema import KINDS
from npusim.model import Pads
from npusim.steps.accumulate import AccumulateStep
from npusim.steps.mac_array import MacOperation


def zero_points(operator: Operator, builder: Builder) -> dict[str, int]:
    """Zero points of input and weights; only INT8 has them."""
    x, weight = zero_point(operator, builder, 3), zero_point(operator, builder, 4)
    return {"x_zero": x, "weight_zero": weight}


def check_accumulator(operator: Operator, builder: Builder) -> None:
    """Raise InputError if the accumulators are of another type than the output."""
    made, found = builder.output(operator).kind, operator.integer("acc_type")
    if found != KINDS.index(made):
        raise operator.error("the accumulator has another type than the output", found=found, allowed=made)


def bias_of(operator: Operator, builder: Builder, outputs: int) -> Array:
    """One value per output channel, or one for all."""
    (size,) = require_rank(operator, builder, 2, 1)
    if size not in {1, outputs}:
        raise operator.error("the bias has the wrong length", found=size, allowed=f"1 or {outputs}")
    return np.broadcast_to(builder.constant(operator, 2), outputs).copy()


def weights_of(operator: Operator, builder: Builder) -> Array:
    """The weights, int8."""
    require_rank(operator, builder, 1, 4)
    return builder.constant(operator, 1).astype(np.int8)


def require_channels(operator: Operator, builder: Builder, inputs: int) -> None:
    """Raise InputError if the weights read another number of channels than the input has."""
    channels = require_rank(operator, builder, 0, 4)[3]
    if inputs != channels:
        raise operator.error("the weights' input channels", found=inputs, allowed=str(channels))


def _window(operator: Operator, builder: Builder, kernel: Two) -> dict[str, Any]:
    """Stride, dilation and padding; every input pixel must be reached."""
    shape = require_rank(operator, builder, 0, 4)
    stride, dilation = operator.integers("stride", 2), operator.integers("dilation", 2)
    above, below, left, right = operator.integers("pad", 4)
    pads: Pads = ((above, below), (left, right))
    require_least(operator, "pad", (above, below, left, right), 0)
    require_least(operator, "stride", stride, 1)
    require_least(operator, "dilation", dilation, 1)
    for axis in range(2):
        room = shape[1 + axis] - 1 + sum(pads[axis]) - (kernel[axis] - 1) * dilation[axis]
        exact_quotient(operator, "an output size", room, stride[axis])
    return {"stride": stride, "dilation": dilation, "padding": pads}


def _accumulated(
    operator: Operator, builder: Builder, weights: Array, operation: MacOperation, geometry: dict[str, Any]
) -> None:
    check_accumulator(operator, builder)
    bias, fields = bias_of(operator, builder, len(weights)), zero_points(operator, builder)

    def convolve(image: str, name: str) -> str:
        content = {"operation": operation, "weights": weights, "bias": bias, "fields": fields}
        return builder.add(AccumulateStep, name, (image,), **content, **geometry)

    x = builder.value(operator, 0, signed=True)
    builder.finish(operator, each_image(builder, x, builder.output(operator).name, convolve))


def _conv2d(operator: Operator, builder: Builder) -> None:
    weights = weights_of(operator, builder)
    require_channels(operator, builder, weights.shape[3])
    geometry = _window(operator, builder, (weights.shape[1], weights.shape[2]))
    _accumulated(operator, builder, weights, MacOperation.CONV2D, geometry)


def _depthwise(operator: Operator, builder: Builder) -> None:
    """Weights are (rows, columns, channels, multiplier)."""
    weights = weights_of(operator, builder)
    rows, columns, inputs, multiplier = weights.shape
    require_channels(operator, builder, inputs)
    geometry = _window(operator, builder, (rows, columns))
    flat = weights.reshape(rows, columns, inputs * multiplier)
    turned = np.ascontiguousarray(np.moveaxis(flat, -1, 0)[..., np.newaxis])
    _accumulated(operator, builder, turned, MacOperation.DEPTHWISE_CONV2D, geometry)


CONVERTERS = {"CONV2D": _conv2d, "DEPTHWISE_CONV2D": _depthwise}
