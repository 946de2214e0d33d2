"""Layers of two tensors, one of which may be a constant."""

from __future__ import annotations

from math import prod

import numpy as np

from npusim.importers.onnx.builder import Builder, Tensor, float_array
from npusim.importers.onnx.copies import repeated
from npusim.importers.onnx.graph import Array, OnnxNode


def stored_constant(node: OnnxNode, builder: Builder, values: Array, like: Tensor) -> Tensor:
    """A constant as a tensor, its axes in the order in which those of another tensor lie."""
    shape = (1,) * (like.rank - values.ndim) + values.shape
    order = builder.natural_order(like) if len(shape) == like.rank else tuple(range(1, len(shape)))
    if values.size == 0 or len(shape) < 2 or (shape[0] > 1 and 0 not in order):
        raise node.error("a constant does not fit", found=values.shape, allowed=f"{like.shape}")
    rest = tuple(axis for axis in range(len(shape)) if axis not in order)
    lengths = tuple(shape[axis] for axis in order)
    arranged = float_array(values).reshape(shape).transpose(*rest, *order).reshape(lengths)
    name = builder.emit(node, "constant", (), values=np.ascontiguousarray(arranged))
    return builder.arranged(name, lengths, order, len(shape))


def two(node: OnnxNode, builder: Builder, kind: str, a: Tensor, b: Tensor) -> Tensor:
    """A layer of two tensors, both in the layout of the larger one."""
    a, b = _unrepeated(node, builder, a, b)
    if a.view == b.view and a.stored == b.stored:
        return Tensor(builder.emit(node, kind, (a.name, b.name)), a.stored, a.view)
    rank = max(a.rank, b.rank)
    a, b = (builder.view(node, x, (1,) * (rank - x.rank) + x.shape) for x in (a, b))
    larger = a if prod(a.shape) >= prod(b.shape) else b
    order = builder.without_batch((0, *(i for i in builder.natural_order(larger) if i)), a, b)
    (first, one), (second, other) = builder.take(node, a, order), builder.take(node, b, order)
    made = builder.emit(node, kind, (first, second))
    return builder.result(node, made, [one, other], order)


def _unrepeated(node: OnnxNode, builder: Builder, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Both as they were before they were repeated, as long as the other one repeats them just so."""
    try:
        whole = np.broadcast_shapes(a.shape, b.shape)
    except ValueError:
        raise node.error("the shapes do not go together", found=a.shape, allowed=f"{b.shape}") from None
    first, second = (builder.origins.get((x.name, x.view), x) for x in (a, b))
    if np.broadcast_shapes(first.shape, b.shape) == whole:
        a = first
    if np.broadcast_shapes(a.shape, second.shape) == whole:
        b = second
    return a, b


def broadcast(node: OnnxNode, builder: Builder, x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """A tensor repeated to the shape it makes with another one."""
    try:
        made = np.broadcast_shapes(x.shape, shape)
    except ValueError:
        raise node.error("the shapes do not go together", found=x.shape, allowed=f"{shape}") from None
    return repeated(node, builder, builder.view(node, x, (1,) * (len(made) - x.rank) + x.shape), made)
