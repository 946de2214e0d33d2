"""Softmax, ArgMax and LpNormalization: what works along an axis."""

from __future__ import annotations

from math import prod

from npusim.importers.onnx.builder import Builder, Tensor
from npusim.importers.onnx.graph import OnnxNode
from npusim.importers.onnx.registry import Converter
from npusim.importers.onnx.shapes import one_axis


def softmax(node: OnnxNode, builder: Builder) -> Tensor:
    """Softmax; before opset 13 over all axes from `axis` on."""
    x = builder.tensor(node)
    axis = one_axis(node, x.rank, -1 if node.opset >= 13 else 1)
    if _only_ranked(node, builder, axis, x.rank):
        return x
    if node.opset < 13 and axis < x.rank - 1:
        flat = builder.view(node, x, (prod(x.shape[:axis]), prod(x.shape[axis:])))
        return builder.view(node, _scaling(node, builder, "softmax", flat, 1), x.shape)
    return _scaling(node, builder, "softmax", x, axis)


def _only_ranked(node: OnnxNode, builder: Builder, axis: int, rank: int) -> bool:
    """Whether all that is read from it is the largest along its axis: a softmax changes no order."""
    (output, *_) = node.outputs
    readers = builder.readers.get(output, [])
    ranked = all(reader.op == "ArgMax" and one_axis(reader, rank, 0) == axis for reader in readers)
    alike = node.opset >= 13 or axis == rank - 1
    return bool(readers) and ranked and alike and builder.uses(output) == len(readers)


def _scaling(node: OnnxNode, builder: Builder, kind: str, x: Tensor, axis: int, **fields: float) -> Tensor:
    order = builder.natural_order(x)
    order = order if axis in order else (axis, *order)
    name, stored = builder.take(node, x, order)
    made = builder.emit(node, kind, (name,), axis=order.index(axis) - len(order), **fields)
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


def lp_normalization(node: OnnxNode, builder: Builder) -> Tensor:
    """LpNormalization by the Euclidean length."""
    x = builder.tensor(node)
    if node.integer("p", 2) != 2:
        raise node.error("the Euclidean length is what is supported", found=f"p={node.integer('p', 2)}")
    axis = one_axis(node, x.rank, -1)
    epsilon = node.number("epsilon", 1e-12)
    return _scaling(node, builder, "l2_normalization", x, axis, epsilon=epsilon)


CONVERTERS: dict[str, Converter] = {
    "Softmax": softmax,
    "ArgMax": argmax,
    "LpNormalization": lp_normalization,
}
