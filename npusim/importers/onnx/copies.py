"""Elements of an axis copied in another order: repeated, reversed, mirrored."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from npusim.importers.onnx.builder import Builder, Tensor
from npusim.importers.onnx.folding import MAX_ELEMENTS
from npusim.importers.onnx.graph import OnnxNode


def copied(node: OnnxNode, builder: Builder, x: Tensor, axis: int, indices: Sequence[int]) -> Tensor:
    """Along an axis the elements that `indices` name."""
    if prod(x.shape) // x.shape[axis] * len(indices) > MAX_ELEMENTS:
        raise node.error(
            "makes a tensor that is too large", found=len(indices), allowed=f"{MAX_ELEMENTS} values"
        )
    if list(indices) == list(range(x.shape[axis])):
        return x
    order = builder.natural_order(x)
    if axis not in order:
        raise node.error("the batch cannot be copied", found=len(indices), allowed="one image")
    name, stored = builder.take(node, x, order)
    places = np.array(indices, np.int64)
    made = builder.emit(node, "gather", (name,), axis=order.index(axis) - len(order), indices=places)
    return builder.arranged(made, builder.shape_of(node, made, [stored]), order, x.rank)


def repeated(node: OnnxNode, builder: Builder, x: Tensor, shape: Sequence[int]) -> Tensor:
    """Axes of length 1 repeated until the tensor has a shape."""
    made = x
    for axis, (found, wanted) in enumerate(zip(x.shape, shape, strict=True)):
        if found != wanted:
            made = copied(node, builder, made, axis, [0] * wanted)
    if made is not x:
        builder.origins[made.name, made.view] = x
    return made
