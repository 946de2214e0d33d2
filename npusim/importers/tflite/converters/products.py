"""Convolutions and fully connected layers: on the MAC array."""

from __future__ import annotations

from typing import Any

import numpy as np

from npusim.datapath.operations import PipelineRole
from npusim.importers.tflite.builder import Builder
from npusim.importers.tflite.graph import Array, Operator, Tensor
from npusim.importers.tflite.scales import (
    output_fields,
    product_ratio,
    scale_fields,
    single_product_ratio,
)
from npusim.importers.tflite.windows import dilations, paddings, strides
from npusim.steps.mac import MacOperation, MacStep
from npusim.steps.pipelines import require_pipeline

_WEIGHTS = {"INT8", "UINT8", "INT4"}


def weights_of(operator: Operator, builder: Builder, rank: int) -> Array:
    """The weights, of the rank that the operation has."""
    tensor, codes = builder.tensor(operator, 1), builder.constant(operator, 1)
    if tensor.kind not in _WEIGHTS or codes.ndim != rank or codes.size == 0:
        raise operator.error("weights of another type or rank", found=f"{tensor.kind} {tensor.shape}")
    return codes


def bias_of(operator: Operator, builder: Builder, place: int, outputs: int) -> Array:
    """The bias, zeros if there is none."""
    if not builder.has_input(operator, place):
        return np.zeros(outputs, np.int64)
    tensor, bias = builder.tensor(operator, place), builder.constant(operator, place)
    if tensor.kind not in {"INT32", "INT64"} or bias.size != outputs:
        found = f"{tensor.kind} {tensor.shape}"
        raise operator.error("a bias of another type or size", found=found, allowed=f"{outputs} integers")
    if builder.output(operator).kind == "INT16" and tensor.kind != "INT64":
        raise operator.error("int16 activations go with 64-bit biases", found=tensor.kind)
    return bias.reshape(-1).astype(np.int64)


def _reals(operator: Operator, x: Tensor, weights: Tensor, y: Tensor, outputs: int, axis: int) -> list[float]:
    """The real multiplier of each output channel, or the one of all."""
    if weights.scales.size == 0:
        raise operator.error("weights without a scale", found=weights.name)
    if weights.scales.size > 1 and (weights.axis != axis or weights.scales.size != outputs):
        raise operator.error("scales along another axis than the outputs", found=weights.axis)
    unsigned = x.kind == "UINT8" and operator.op != "FULLY_CONNECTED"
    combine = single_product_ratio if unsigned else product_ratio
    return [combine(x.scale, scale, y.scale) for scale in weights.scales]


def mac(
    operator: Operator,
    builder: Builder,
    x: str,
    operation: MacOperation,
    codes: Array,
    bias: Array,
    axis: int,
    *,
    place: int = 0,
    name: str | None = None,
    **geometry: Any,
) -> str:
    """A MAC step with the model's scales; `x` is the program's tensor of input `place`."""
    source, weights, y = (
        builder.tensor(operator, place),
        builder.tensor(operator, 1),
        builder.output(operator),
    )
    datapath = builder.datapath
    pipeline = require_pipeline(datapath, operation.value, PipelineRole.RESULT)
    reals = _reals(operator, source, weights, y, len(codes), axis)
    clips, activation = output_fields(
        operator, y, operator.integer("FusedActivationFunction"), datapath.activation
    )
    fields = {**clips, **scale_fields(reals, pipeline, datapath), "x_zero": source.zero_point}
    zeros = set(weights.zero_points.tolist())
    if len(zeros) > 1:
        raise operator.error("weights with several zero points", found=sorted(zeros), allowed="one")
    if zeros != {0}:
        fields["weight_zero"] = zeros.pop()
    made = builder.add(
        MacStep,
        y.name if name is None else name,
        (x,),
        operation=operation,
        weights=codes,
        bias=bias,
        fields=fields,
        activation=activation,
        **geometry,
    )
    worth = np.broadcast_to(np.float64(source.scale) * weights.scales.astype(np.float64), len(codes))
    builder.accumulators[made] = np.array(worth)
    return made


def _conv2d(operator: Operator, builder: Builder) -> None:
    x, codes = builder.value(operator, 0), weights_of(operator, builder, 4)
    kernel = (codes.shape[1], codes.shape[2])
    stride, dilation = strides(operator), dilations(operator)
    shape = builder.shape(x)
    if len(shape) != 3 or shape[2] % codes.shape[3]:
        raise operator.error("weights do not fit the input", found=codes.shape, allowed=f"for {shape}")
    made = mac(
        operator,
        builder,
        x,
        MacOperation.CONV2D,
        codes,
        bias_of(operator, builder, 2, len(codes)),
        axis=0,
        stride=stride,
        dilation=dilation,
        padding=paddings(operator, shape, kernel, stride, dilation),
        groups=shape[2] // codes.shape[3],
    )
    builder.finish(operator, made)


def _depthwise(operator: Operator, builder: Builder) -> None:
    x, codes = builder.value(operator, 0), weights_of(operator, builder, 4)
    if codes.shape[0] != 1:
        raise operator.error("depthwise weights begin with 1", found=codes.shape)
    kernel = (codes.shape[1], codes.shape[2])
    stride, dilation = strides(operator), dilations(operator)
    codes = np.ascontiguousarray(np.moveaxis(codes[0], -1, 0)[..., np.newaxis])
    made = mac(
        operator,
        builder,
        x,
        MacOperation.DEPTHWISE_CONV2D,
        codes,
        bias_of(operator, builder, 2, len(codes)),
        axis=3,
        stride=stride,
        dilation=dilation,
        padding=paddings(operator, builder.shape(x), kernel, stride, dilation),
    )
    builder.finish(operator, made)


def _fully_connected(operator: Operator, builder: Builder) -> None:
    if operator.integer("WeightsFormat"):
        raise operator.error("shuffled weights are not supported")
    x, codes = builder.value(operator, 0), weights_of(operator, builder, 2)
    shape, features = builder.shape(x), codes.shape[1]
    if shape[-1] != features:
        size = int(np.prod(shape))
        if size % features:
            raise operator.error("weights do not fit the input", found=codes.shape, allowed=f"for {shape}")
        rows = (size // features, features) if size > features else (features,)
        x = builder.reshaped(x, rows, f"{builder.output(operator).name}/rows")
    made = mac(
        operator, builder, x, MacOperation.DENSE, codes, bias_of(operator, builder, 2, len(codes)), axis=0
    )
    builder.finish(operator, made)


CONVERTERS = {"CONV_2D": _conv2d, "DEPTHWISE_CONV_2D": _depthwise, "FULLY_CONNECTED": _fully_connected}
