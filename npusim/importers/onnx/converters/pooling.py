"""Pools, and means over axes, which are averages of whole images."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from npusim.importers.onnx.builder import Builder, Tensor
from npusim.importers.onnx.graph import OnnxNode
from npusim.importers.onnx.registry import Converter
from npusim.importers.onnx.shapes import counted, read_axes
from npusim.importers.onnx.window import read_window


def _pool(node: OnnxNode, builder: Builder, kind: str, **fields: Any) -> Tensor:
    x = builder.tensor(node)
    kernel = node.integers("kernel_shape") or ()
    if x.rank not in {3, 4} or x.shape[0] != 1 or min(kernel, default=0) < 1:
        raise node.error("pools over images and signals are supported", found=x.shape)
    window = read_window(node, x.shape[2:], kernel)
    if window.dilation != (1, 1):
        raise node.error("pools without dilation are supported", found=window.dilation)
    if window.overhang and fields.get("count_padding"):
        raise node.error("ceil_mode with count_include_pad is not supported where windows overhang")
    name, stored = builder.take_image(node, x)
    made = builder.emit(
        node, kind, (name,), kernel=window.kernel, stride=window.stride, padding=window.padding, **fields
    )
    return builder.image_result(node, x, made, stored)


def average_pool(node: OnnxNode, builder: Builder) -> Tensor:
    """AveragePool."""
    return _pool(node, builder, "avg_pool2d", count_padding=bool(node.integer("count_include_pad", 0)))


def max_pool(node: OnnxNode, builder: Builder) -> Tensor:
    """MaxPool, without its indices."""
    return _pool(node, builder, "max_pool2d")


def global_max_pool(node: OnnxNode, builder: Builder) -> Tensor:
    """GlobalMaxPool: a window as large as the image."""
    x = builder.tensor(node)
    whole = OnnxNode(node.op, node.name, node.inputs, node.outputs, {"kernel_shape": x.shape[2:]}, node.opset)
    return _pool(whole, builder, "max_pool2d")


def average(node: OnnxNode, builder: Builder, x: Tensor, axes: Sequence[int], *, keep_axes: bool) -> Tensor:
    """The mean over some axes: a global average pool of an image whose pixels they are."""
    if 0 in axes and x.shape[0] == 1:
        axes = [axis for axis in axes if axis != 0]
    rest = [axis for axis in range(x.rank) if axis not in axes]
    kept = [axis for axis in (*builder.natural_order(x), 0) if axis in rest and (axis or x.shape[0] > 1)]
    reduced = [axis for axis in builder.natural_order(x) if axis in axes]
    name, shape = builder.take(node, x, (*reduced, *kept))
    pixels, channels = [x.shape[axis] for axis in reduced], prod(x.shape[axis] for axis in kept)
    image = (pixels[0], pixels[1], channels) if len(pixels) == 2 else (1, prod(pixels), channels)
    pooled = builder.emit(node, "global_avg_pool", (builder.reshaped(node, name, shape, image),))
    made = builder.result(node, pooled, [image], (1,))
    split = builder.view(node, made, (1, *(x.shape[axis] for axis in kept)))
    places = {axis: 1 + index for index, axis in enumerate(kept)}
    view = type(split.view)(
        split.view.atoms, tuple(split.view.axes[places[a]] if a in places else () for a in rest)
    )
    result = Tensor(split.name, split.stored, view)
    whole = [1 if axis in axes else x.shape[axis] for axis in range(x.rank)]
    return builder.view(node, result, whole) if keep_axes else result


def global_average_pool(node: OnnxNode, builder: Builder) -> Tensor:
    """GlobalAveragePool."""
    x = builder.tensor(node)
    return average(node, builder, x, range(2, x.rank), keep_axes=True)


def reduce_mean(node: OnnxNode, builder: Builder) -> Tensor:
    """ReduceMean."""
    x = builder.tensor(node)
    axes = counted(node, read_axes(node, builder) or tuple(range(x.rank)), x.rank)
    return average(node, builder, x, axes, keep_axes=bool(node.integer("keepdims", 1)))


CONVERTERS: dict[str, Converter] = {
    "AveragePool": average_pool,
    "MaxPool": max_pool,
    "GlobalMaxPool": global_max_pool,
    "GlobalAveragePool": global_average_pool,
    "ReduceMean": reduce_mean,
}
