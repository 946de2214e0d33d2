"""Conv and ConvTranspose."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from npusim.importers.onnx.builder import Builder, Tensor, float_array
from npusim.importers.onnx.graph import Array, OnnxNode
from npusim.importers.onnx.registry import Converter
from npusim.importers.onnx.window import per_axis, read_window, transposed_pads


def _weights(node: OnnxNode, builder: Builder, x: Tensor) -> Array:
    """The weights with one or two kernel axes, made two."""
    weights = float_array(builder.constant(node, 1))
    if x.rank not in {3, 4} or weights.ndim != x.rank or x.shape[0] != 1 or 0 in weights.shape:
        raise node.error(
            "one- and two-dimensional convolutions are supported",
            found=f"input {x.shape}, weights {weights.shape}",
        )
    return weights


def _bias(node: OnnxNode, builder: Builder) -> Array | None:
    bias = builder.optional_constant(node, 2)
    return None if bias is None else float_array(bias.reshape(-1))


def conv(node: OnnxNode, builder: Builder) -> Tensor:
    """Conv; as many groups as channels make it a depthwise convolution."""
    x = builder.tensor(node)
    weights = _weights(node, builder, x)
    window = read_window(node, x.shape[2:], weights.shape[2:])
    name, stored = builder.take_image(node, x)
    groups = node.integer("group", 1)
    if groups < 1 or weights.shape[1] * groups != x.shape[1] or weights.shape[0] % groups:
        raise node.error(
            "weights do not fit the input", found=weights.shape, allowed=f"{x.shape[1]} channels"
        )
    depthwise = groups == x.shape[1] and groups > 1
    fields: dict[str, Any] = {} if depthwise else {"groups": groups}
    made = builder.emit(
        node,
        "depthwise_conv2d" if depthwise else "conv2d",
        (name,),
        weights=_kernel_before_inputs(weights, window.kernel),
        bias=_bias(node, builder),
        stride=window.stride,
        dilation=window.dilation,
        padding=window.padding,
        **fields,
    )
    return builder.image_result(node, x, made, stored)


def _kernel_before_inputs(weights: Array, kernel: Sequence[int]) -> Array:
    """(outputs, inputs, kernel) to (outputs, kernel rows, kernel columns, inputs)."""
    return np.moveaxis(weights.reshape(*weights.shape[:2], *kernel), 1, 3)


def conv_transpose(node: OnnxNode, builder: Builder) -> Tensor:
    """ConvTranspose; auto_pad and output_shape say its pads in other words."""
    x = builder.tensor(node)
    weights = _weights(node, builder, x)  # inputs, outputs per group, kernel
    count = x.rank - 2
    groups = node.integer("group", 1)
    if groups < 1 or weights.shape[0] % groups or weights.shape[0] != x.shape[1]:
        raise node.error(
            "weights do not fit the input", found=weights.shape, allowed=f"{x.shape[1]} channels"
        )
    per_group = weights.reshape(groups, -1, weights.shape[1], *([1] * (2 - count)), *weights.shape[2:])
    ordered = np.moveaxis(per_group, 1, 4)  # groups, outputs per group, rows, columns, inputs per group
    ahead = [1] * (2 - count)
    padding, output_padding = transposed_pads(node, x.shape[2:], weights.shape[2:])
    name, stored = builder.take_image(node, x)
    made = builder.emit(
        node,
        "conv2d_transpose",
        (name,),
        weights=ordered.reshape(-1, *ordered.shape[2:]),
        bias=_bias(node, builder),
        stride=(*ahead, *per_axis(node, "strides", count, 1)),
        dilation=(*ahead, *per_axis(node, "dilations", count, 1)),
        padding=(*[(0, 0)] * (2 - count), *padding),
        output_padding=(*[0] * (2 - count), *output_padding),
        groups=groups,
    )
    return builder.image_result(node, x, made, stored)


CONVERTERS: dict[str, Converter] = {"Conv": conv, "ConvTranspose": conv_transpose}
