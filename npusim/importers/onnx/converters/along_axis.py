"""Softmax, ArgMax and ReduceSum: what works along an axis."""

from __future__ import annotations

from math import prod

import numpy as np

from npusim.importers.onnx.builder import Builder, Tensor
from npusim.importers.onnx.converters.normalization import scaled
from npusim.importers.onnx.converters.pooling import average
from npusim.importers.onnx.graph import OnnxNode
from npusim.importers.onnx.registry import Converter
from npusim.importers.onnx.shapes import counted, one_axis, read_axes


def softmax(node: OnnxNode, builder: Builder) -> Tensor:
    """Softmax; before opset 13 over all axes from `axis` on."""
    x = builder.tensor(node)
    axis = one_axis(node, x.rank, -1 if node.opset >= 13 else 1)
    if node.opset < 13 and axis < x.rank - 1:
        flat = builder.view(node, x, (prod(x.shape[:axis]), prod(x.shape[axis:])))
        return builder.view(node, _softmax(node, builder, flat, 1), x.shape)
    return _softmax(node, builder, x, axis)


def _softmax(node: OnnxNode, builder: Builder, x: Tensor, axis: int) -> Tensor:
    order = builder.natural_order(x)
    order = order if axis in order else (axis, *order)
    name, stored = builder.take(node, x, order)
    made = builder.emit(node, "softmax", (name,), axis=order.index(axis) - len(order))
    return builder.result(node, made, [stored], order)


def argmax(node: OnnxNode, builder: Builder) -> Tensor:
    """ArgMax; the first of several."""
    if node.integer("select_last_index", 0):
        raise node.error("the first of several maxima is what is supported", found="select_last_index=1")
    x = builder.tensor(node)
    axis = one_axis(node, x.rank, 0)
    order = builder.natural_order(x)
    if axis not in order:
        raise node.error("the batch has no maximum", found=axis)
    name, stored = builder.take(node, x, order)
    made = builder.emit(node, "argmax", (name,), axis=order.index(axis) - len(order))
    rest = tuple(other for other in order if other != axis) or (axis,)
    result = builder.result(node, made, [stored], rest)
    keep = [1 if i == axis else length for i, length in enumerate(x.shape)]
    whole = builder.view(node, result, keep)
    if node.integer("keepdims", 1):
        return whole
    return builder.view(node, whole, keep[:axis] + keep[axis + 1 :])


def reduce_sum(node: OnnxNode, builder: Builder) -> Tensor:
    """ReduceSum: a mean times its count."""
    x = builder.tensor(node)
    axes = counted(node, read_axes(node, builder) or tuple(range(x.rank)), x.rank)
    count = prod(x.shape[axis] for axis in axes)
    mean = average(node, builder, x, axes, keep_axes=bool(node.integer("keepdims", 1)))
    return scaled(node, builder, mean, np.array([count], np.float32))


CONVERTERS: dict[str, Converter] = {"Softmax": softmax, "ArgMax": argmax, "ReduceSum": reduce_sum}
