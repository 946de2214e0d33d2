"""Means, sums and the like over axes."""

from __future__ import annotations

from math import prod

import numpy as np

from npusim.datapath.operations import PipelineRole
from npusim.importers.tflite.axes import counted, view
from npusim.importers.tflite.builder import Builder
from npusim.importers.tflite.graph import Operator
from npusim.importers.tflite.scales import given_fields, quantized_multiplier, ratio
from npusim.steps.argmax import ArgmaxStep
from npusim.steps.mac import MacOperation, MacStep
from npusim.steps.max_pool import MaxPoolStep
from npusim.steps.pipelines import require_pipeline
from npusim.steps.table import TableStep
from npusim.steps.transpose import TransposeStep

_MOST_SHIFT = 31
_MOST_CODES = 256


def _reduced(operator: Operator, builder: Builder) -> tuple[str, int]:
    """The input as an image (values to add, 1, values that stay), and how many are added."""
    x, name = builder.tensor(operator, 0), builder.output(operator).name
    rank = len(x.shape)
    axes = sorted({counted(operator, axis, rank) for axis in builder.integers(operator, 1)})
    value, short = view(operator, builder, 0, axes)
    kept = [axis for axis in range(short, rank) if axis not in axes]
    order = tuple(axis - short for axis in (*axes, *kept))
    if order != tuple(range(len(order))):
        value = builder.add(TransposeStep, f"{name}/transposed", (value,), permutation=order)
    added = prod(x.shape[axis] for axis in axes)
    left = prod(x.shape[axis] for axis in kept)
    return builder.reshaped(value, (added, 1, left), f"{name}/rows"), added


def _mean_or_sum(operator: Operator, builder: Builder) -> None:
    """A depthwise convolution with weights of one as large as what is added up."""
    x, y = builder.tensor(operator, 0), builder.output(operator)
    value, count = _reduced(operator, builder)
    datapath = builder.datapath
    stages = require_pipeline(datapath, "depthwise_conv2d", PipelineRole.RESULT)
    if x.kind not in {"INT8", "UINT8"}:
        raise operator.error("supported on 8-bit codes", found=x.kind)
    multiplier, exponent = quantized_multiplier(ratio(x.scale, y.scale), datapath)
    if operator.op == "MEAN":
        shift = min(count.bit_length() - 1, 32, _MOST_SHIFT + exponent)
        multiplier, exponent = (multiplier << shift) // count, exponent - shift
    channels = builder.shape(value)[2]
    codes = datapath.activation.interval
    made = builder.add(
        MacStep,
        y.name,
        (value,),
        operation=MacOperation.DEPTHWISE_CONV2D,
        weights=np.ones((channels, count, 1, 1), datapath.weight.dtype),
        bias=np.zeros(channels, np.int64),
        fields={
            **given_fields(multiplier, exponent, stages, datapath),
            "x_zero": x.zero_point,
            "y_zero": y.zero_point,
            "low": codes.low,
            "high": codes.high,
        },
    )
    builder.finish(operator, made)


def _mirrored(operator: Operator, builder: Builder, value: str, name: str) -> str:
    """Codes in the opposite order: the greatest becomes the lowest."""
    codes = builder.tensors[value].codes.interval
    table = np.arange(codes.high, codes.low - 1, -1)
    if codes.high - codes.low > _MOST_CODES:
        raise operator.error("minima are supported on 8-bit codes", found=builder.tensors[value].bits)
    return builder.add(TableStep, f"{name}/mirrored", (value,), fields={"table": table})


def _extreme(operator: Operator, builder: Builder) -> None:
    """The greatest code along axes, as a pool over all of them; the lowest, mirrored before and after."""
    name = builder.output(operator).name
    value, count = _reduced(operator, builder)
    low = operator.op == "REDUCE_MIN"
    value = _mirrored(operator, builder, value, name) if low else value
    made = builder.add(MaxPoolStep, f"{name}/pooled", (value,), kernel=(count, 1))
    builder.finish(operator, _mirrored(operator, builder, made, name) if low else made)


def _argmax(operator: Operator, builder: Builder) -> None:
    x, y = builder.tensor(operator, 0), builder.output(operator)
    axes = builder.integers(operator, 1)
    if len(axes) != 1:
        raise operator.error("one axis is wanted", found=axes)
    axis = counted(operator, axes[0], len(x.shape))
    value, short = view(operator, builder, 0, [axis])
    if operator.op == "ARG_MIN":
        value = _mirrored(operator, builder, value, y.name)
    builder.finish(operator, builder.add(ArgmaxStep, y.name, (value,), axis=axis - short))


CONVERTERS = {
    "ARG_MAX": _argmax,
    "ARG_MIN": _argmax,
    "MEAN": _mean_or_sum,
    "REDUCE_MAX": _extreme,
    "REDUCE_MIN": _extreme,
    "SUM": _mean_or_sum,
}
