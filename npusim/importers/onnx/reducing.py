"""Reductions over axes: whole images pooled, or layers that reduce any axes."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from npusim.importers.onnx.builder import Builder, Tensor
from npusim.importers.onnx.graph import OnnxNode
from npusim.importers.onnx.views import View


def pooled(node: OnnxNode, builder: Builder, kind: str, x: Tensor, axes: Sequence[int]) -> Tensor:
    """One window over an image whose pixels the axes are; they stay with the length 1."""
    natural = builder.natural_order(x)
    gone = [axis for axis in natural if axis in axes]
    kept = [axis for axis in (*natural, 0) if axis not in axes and (axis or x.shape[0] > 1)]
    if not gone:
        return x
    name, shape = builder.take(node, x, (*gone, *kept))
    pixels, channels = [x.shape[axis] for axis in gone], prod(x.shape[axis] for axis in kept)
    image = (pixels[0], pixels[1], channels) if len(pixels) == 2 else (1, prod(pixels), channels)
    fields: dict[str, Any] = {"kernel": image[:2]} if kind == "max_pool2d" else {}
    made = builder.emit(node, kind, (builder.reshaped(node, name, shape, image),), **fields)
    stored = builder.shape_of(node, made, [image])
    split = View.stored(stored, [x.shape[axis] for axis in kept])
    axes_of = {axis: split.axes[index] for index, axis in enumerate(kept)}
    return Tensor(made, stored, View(split.atoms, tuple(axes_of.get(axis, ()) for axis in range(x.rank))))


def reduced(node: OnnxNode, builder: Builder, kind: str, x: Tensor, axes: Sequence[int]) -> Tensor:
    """A layer that reduces the axes wherever they are stored; they stay with the length 1."""
    order = builder.natural_order(x)
    gone = [axis for axis in order if axis in axes]
    if not gone:
        return x
    name, stored = builder.take(node, x, order)
    made = builder.emit(node, kind, (name,), axes=tuple(order.index(axis) - len(order) for axis in gone))
    kept = [axis for axis in order if axis not in axes] or [gone[0]]
    return builder.arranged(made, builder.shape_of(node, made, [stored]), kept, x.rank)
