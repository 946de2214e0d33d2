"""Pools."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from npusim.importers.onnx.builder import Builder, Tensor
from npusim.importers.onnx.copies import copied
from npusim.importers.onnx.graph import OnnxNode
from npusim.importers.onnx.reducing import pooled
from npusim.importers.onnx.registry import Converter
from npusim.importers.onnx.window import Window, read_window


def _pool(node: OnnxNode, builder: Builder, kind: str, **fields: Any) -> Tensor:
    x = builder.tensor(node)
    kernel = node.integers("kernel_shape") or ()
    if x.rank not in {3, 4} or x.shape[0] != 1 or min(kernel, default=0) < 1:
        raise node.error("pools over images and signals are supported", found=x.shape)
    window = read_window(node, x.shape[2:], kernel)
    image = x if x.rank == 4 else builder.view(node, x, (*x.shape[:2], 1, x.shape[2]))
    if window.dilation != (1, 1):
        image, window = _spread(node, builder, image, window, padded=kind == "max_pool2d")
    name, stored = builder.take_image(node, image)
    if window.overhang and fields.get("count_padding"):
        # Padding counts, what overhangs beyond it does not: the padding becomes pixels.
        whole = replace(node, attributes={**node.attributes, "ceil_mode": 0})
        inner = read_window(whole, x.shape[2:], kernel).padding
        name = builder.emit(node, "pad", (name,), pads=(*inner, (0, 0)))
        stored = builder.shape_of(node, name, [stored])
        over = tuple((0, out[1] - own[1]) for out, own in zip(window.padding, inner, strict=True))
        window, fields = replace(window, padding=over), {**fields, "count_padding": False}
    made = builder.emit(
        node, kind, (name,), kernel=window.kernel, stride=window.stride, padding=window.padding, **fields
    )
    return builder.image_result(node, x, made, stored)


def _spread(
    node: OnnxNode, builder: Builder, x: Tensor, window: Window, *, padded: bool
) -> tuple[Tensor, Window]:
    """An image in which the windows of a dilated pool lie side by side, and the pool over it.

    Taps in the padding are replaced by others of their window, which changes no maximum.
    """
    if not padded and any(before or after for before, after in window.padding):
        raise node.error("a dilated average pool with padding is not supported", found=window.padding)
    for axis in range(2):
        length, (before, after) = x.shape[2 + axis], window.padding[axis]
        taps, spread, step = window.kernel[axis], window.dilation[axis], window.stride[axis]
        reach = (taps - 1) * spread + 1
        places: list[int] = []
        for first in range(-before, length + after - reach + 1, step):
            inside = [at for at in range(first, first + reach, spread) if 0 <= at < length]
            if not inside:
                raise node.error("a window lies in the padding", found=window.padding)
            places += inside + inside[:1] * (taps - len(inside))
        if not places:
            raise node.error("the kernel does not fit into the input", found=reach, allowed=f"{length}")
        x = copied(node, builder, x, 2 + axis, places)
    return x, Window(window.kernel, window.kernel, (1, 1), ((0, 0), (0, 0)))


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


def global_average_pool(node: OnnxNode, builder: Builder) -> Tensor:
    """GlobalAveragePool."""
    x = builder.tensor(node)
    return pooled(node, builder, "global_avg_pool", x, range(2, x.rank))


CONVERTERS: dict[str, Converter] = {
    "AveragePool": average_pool,
    "MaxPool": max_pool,
    "GlobalMaxPool": global_max_pool,
    "GlobalAveragePool": global_average_pool,
}
