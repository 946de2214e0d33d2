"""Operations that move elements or rename axes: most change nothing but the view."""

from __future__ import annotations

from math import prod

import numpy as np

from npusim.importers.onnx.builder import Builder, Tensor
from npusim.importers.onnx.folding import shape_slice
from npusim.importers.onnx.graph import Array, OnnxNode
from npusim.importers.onnx.registry import Converter
from npusim.importers.onnx.shapes import counted, one_axis, read_axes, target_shape


def same(node: OnnxNode, builder: Builder) -> Tensor:
    """Identity, and Dropout, which does nothing when a model is used."""
    return builder.tensor(node)


def cast(node: OnnxNode, builder: Builder) -> Tensor:
    """Cast between float types; integers are images that were bytes."""
    if node.integer("to", 1) not in {1, 10, 11, 16}:
        raise node.error("a computed tensor is cast to a type that is not float", found=node.integer("to", 1))
    return builder.tensor(node)


def shape(node: OnnxNode, builder: Builder) -> Array:
    """Shape: a constant, since shapes are fixed."""
    return shape_slice(node, builder.tensor(node).shape)


def reshape(node: OnnxNode, builder: Builder) -> Tensor:
    """Reshape to a constant shape."""
    x = builder.tensor(node)
    wanted = target_shape(node, x.shape, builder.integers(node, 1), builder.batch)
    return builder.view(node, x, wanted)


def flatten(node: OnnxNode, builder: Builder) -> Tensor:
    """Flatten to a matrix."""
    x = builder.tensor(node)
    axis = node.integer("axis", 1)
    if not -x.rank <= axis <= x.rank:
        raise node.error("no such axis", found=axis, allowed=f"{-x.rank}..{x.rank}")
    axis += x.rank if axis < 0 else 0
    return builder.view(node, x, (prod(x.shape[:axis]), prod(x.shape[axis:])))


def squeeze(node: OnnxNode, builder: Builder) -> Tensor:
    """Squeeze axes of length 1."""
    x = builder.tensor(node)
    found = read_axes(node, builder)
    axes = [i for i, n in enumerate(x.shape) if n == 1] if found is None else counted(node, found, x.rank)
    if any(x.shape[axis] != 1 for axis in axes):
        raise node.error(
            "only axes of length 1 can be squeezed", found=tuple(axes), allowed=f"as {x.shape} has"
        )
    return builder.view(node, x, [n for axis, n in enumerate(x.shape) if axis not in axes])


def unsqueeze(node: OnnxNode, builder: Builder) -> Tensor:
    """Unsqueeze: new axes of length 1."""
    x = builder.tensor(node)
    given = read_axes(node, builder) or ()
    axes = counted(node, given, x.rank + len(given))
    lengths = iter(x.shape)
    return builder.view(node, x, [1 if i in axes else next(lengths) for i in range(x.rank + len(axes))])


def transpose(node: OnnxNode, builder: Builder) -> Tensor:
    """Transpose: another view."""
    x = builder.tensor(node)
    order = node.integers("perm") or tuple(reversed(range(x.rank)))
    if sorted(order) != list(range(x.rank)):
        raise node.error("every axis is wanted once", found=order, allowed=f"an order of 0..{x.rank - 1}")
    return Tensor(x.name, x.stored, x.view.transposed(order))


def expand(node: OnnxNode, builder: Builder) -> Tensor:
    """Expand where it changes nothing but the rank."""
    x = builder.tensor(node)
    wanted = builder.integers(node, 1)
    try:
        made = np.broadcast_shapes(x.shape, wanted)
    except ValueError:
        raise node.error("the shapes do not go together", found=x.shape, allowed=f"{wanted}") from None
    if prod(made) != prod(x.shape):
        raise node.error("a computed tensor is repeated", found=x.shape, allowed="expanding constants")
    return builder.view(node, x, made)


def concat(node: OnnxNode, builder: Builder) -> Tensor:
    """Concat of computed tensors, all in the layout of the first."""
    tensors = [builder.tensor(node, index) for index in range(len(node.inputs))]
    first = tensors[0]
    axis = one_axis(node, first.rank, 1)
    if any(x.rank != first.rank for x in tensors):
        raise node.error("inputs of one rank are wanted", found=[x.shape for x in tensors])
    largest = max(tensors, key=lambda x: prod(x.shape))
    order = builder.natural_order(largest)
    if axis not in order or any(x.shape[0] != 1 for x in tensors):
        order = (0, *(i for i in order if i != 0))
    taken = [builder.take(node, x, order) for x in tensors]
    name = builder.emit(node, "concat", [name for name, _ in taken], axis=order.index(axis) - len(order))
    return builder.result(node, name, [stored for _, stored in taken], order)


def pad(node: OnnxNode, builder: Builder) -> Tensor:
    """Pad with a constant."""
    x = builder.tensor(node)
    if node.text("mode", "constant") != "constant":
        raise node.error("no such padding", found=node.text("mode", "constant"), allowed="constant")
    amounts = builder.integers(node, 1)
    axes = builder.integers(node, 3) if node.has_input(3) else tuple(range(x.rank))
    if len(amounts) != 2 * len(axes) or min(amounts, default=0) < 0:
        raise node.error("pads do not fit the axes", found=amounts, allowed=f"{2 * len(axes)} numbers from 0")
    pads = [(0, 0)] * x.rank
    for place, axis in enumerate(axes):
        pads[counted(node, [axis], x.rank)[0]] = (amounts[place], amounts[place + len(axes)])
    if not any(before or after for before, after in pads):
        return x
    order = builder.natural_order(x)
    if 0 not in order and pads[0] != (0, 0):
        raise node.error("the batch cannot be padded", found=pads[0])
    value = builder.scalar(node, 2) or 0.0
    name, stored = builder.take(node, x, order)
    made = builder.emit(node, "pad", (name,), pads=tuple(pads[axis] for axis in order), value=value)
    return builder.result(node, made, [stored], order)


CONVERTERS: dict[str, Converter] = {
    "Identity": same,
    "Dropout": same,
    "Cast": cast,
    "Shape": shape,
    "Reshape": reshape,
    "Flatten": flatten,
    "Squeeze": squeeze,
    "Unsqueeze": unsqueeze,
    "Transpose": transpose,
    "Expand": expand,
    "Concat": concat,
    "Pad": pad,
}
