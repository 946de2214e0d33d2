"""Concat: each input of another scale through a table."""

from __future__ import annotations

from math import prod

from npusim.importers.onnx.builder import Tensor
from npusim.importers.onnx.shapes import one_axis
from npusim.importers.qdq.builder import StepBuilder
from npusim.importers.qdq.functions import table
from npusim.importers.qdq.fused import Fused


def _concat(fused: Fused, builder: StepBuilder) -> Tensor:
    """QLinearConcat."""
    node = fused.node
    operands = [fused.tensor(index, builder) for index in range(len(fused.operands))]
    tensors = [x for x, _ in operands]
    rank = tensors[0].rank
    if any(x.rank != rank for x in tensors):
        raise node.error("inputs of one rank are wanted", found=[x.shape for x in tensors])
    axis = one_axis(node, rank, 1)
    order = builder.natural_order(max(tensors, key=lambda x: prod(x.shape)))
    if axis not in order or any(x.shape[0] != 1 for x in tensors):
        order = (0, *(i for i in order if i != 0))
    taken = [builder.take(node, x, order) for x in tensors]
    fields = [
        None if meaning.same_as(fused.result) else {"table": table(meaning, (), fused.result)}
        for _, meaning in operands
    ]
    made = builder.emit(
        node,
        "concat",
        [name for name, _ in taken],
        axis=order.index(axis) - len(order),
        operand_fields=tuple(fields),
    )
    return builder.result(node, made, [stored for _, stored in taken], order)


CONVERTERS = {"Concat": _concat}
