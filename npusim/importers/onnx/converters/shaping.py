"""Operations that move elements or rename axes: most change nothing but the view."""

from __future__ import annotations

from math import prod

import numpy as np

from npusim.importers.onnx.binary import broadcast, stored_constant
from npusim.importers.onnx.builder import Builder, Tensor
from npusim.importers.onnx.copies import copied
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
    """Expand: axes of length 1 repeated."""
    return broadcast(node, builder, builder.tensor(node), builder.integers(node, 1))


def tile(node: OnnxNode, builder: Builder) -> Tensor:
    """Tile: whole axes repeated."""
    x, times = builder.tensor(node), builder.integers(node, 1)
    if len(times) != x.rank or min(times, default=1) < 1 or max(times, default=1) > 1 << 20:
        raise node.error("one count per axis is wanted", found=times, allowed=f"{x.rank} numbers from 1")
    for axis, count in enumerate(times):
        if count > 1:
            x = copied(node, builder, x, axis, list(range(x.shape[axis])) * count)
    return x


def depth_to_space(node: OnnxNode, builder: Builder) -> Tensor:
    """DepthToSpace: channels become pixels, in either order."""
    x, size = builder.tensor(node), node.integer("blocksize", 0)
    mode = node.text("mode", "DCR")
    if x.rank != 4 or size < 1 or x.shape[1] % (size * size) or mode not in {"DCR", "CRD"}:
        raise node.error("channels do not fill blocks", found=f"{x.shape}, blocks of {size}, {mode}")
    images, channels, rows, columns = x.shape
    left = channels // (size * size)
    split = (size, size, left) if mode == "DCR" else (left, size, size)
    order = (0, 3, 4, 1, 5, 2) if mode == "DCR" else (0, 1, 4, 2, 5, 3)
    x = builder.view(node, x, (images, *split, rows, columns))
    moved = Tensor(x.name, x.stored, x.view.transposed(order))
    return builder.view(node, moved, (images, left, rows * size, columns * size))


def space_to_depth(node: OnnxNode, builder: Builder) -> Tensor:
    """SpaceToDepth: blocks of pixels become channels."""
    x, size = builder.tensor(node), node.integer("blocksize", 0)
    if x.rank != 4 or size < 1 or x.shape[2] % size or x.shape[3] % size:
        raise node.error("pixels do not fill blocks", found=f"{x.shape}, blocks of {size}")
    images, channels, rows, columns = x.shape[0], x.shape[1], x.shape[2] // size, x.shape[3] // size
    x = builder.view(node, x, (images, channels, rows, size, columns, size))
    moved = Tensor(x.name, x.stored, x.view.transposed((0, 3, 5, 1, 2, 4)))
    return builder.view(node, moved, (images, channels * size * size, rows, columns))


def concat(node: OnnxNode, builder: Builder) -> Tensor:
    """Concat, all in the layout of the largest computed tensor; constants are stored."""
    given = [builder.value(node, index) for index in range(len(node.inputs))]
    computed = [value for value in given if isinstance(value, Tensor)]
    if not computed:
        raise node.error("a computed input is wanted")
    largest = max(computed, key=lambda x: prod(x.shape))
    axis = one_axis(node, largest.rank, 1)
    if any(value.ndim != largest.rank for value in given if not isinstance(value, Tensor)) or any(
        x.rank != largest.rank for x in computed
    ):
        raise node.error("inputs of one rank are wanted", found=[value.shape for value in given])
    tensors = [
        value if isinstance(value, Tensor) else stored_constant(node, builder, value, largest)
        for value in given
        if isinstance(value, Tensor) or value.size
    ]
    order = builder.natural_order(largest)
    if axis not in order or any(x.shape[0] != 1 for x in tensors):
        order = (0, *(i for i in order if i != 0))
    taken = [builder.take(node, x, order) for x in tensors]
    name = builder.emit(node, "concat", [name for name, _ in taken], axis=order.index(axis) - len(order))
    return builder.result(node, name, [stored for _, stored in taken], order)


_MIRRORS = {"reflect": "reflect", "edge": "edge", "wrap": "wrap"}


def pad(node: OnnxNode, builder: Builder) -> Tensor:
    """Pad with a constant, or with copies of what is inside."""
    x = builder.tensor(node)
    mode = node.text("mode", "constant")
    pads = _pads(node, builder, x)
    if not any(before or after for before, after in pads):
        return x
    if mode in _MIRRORS:
        for axis, (before, after) in enumerate(pads):
            if mode == "reflect" and max(before, after) >= x.shape[axis] > 1:
                raise node.error("mirrors more than there is", found=(before, after), allowed=f"{x.shape}")
            places = np.pad(np.arange(x.shape[axis]), (before, after), mode=_MIRRORS[mode])  # type: ignore[call-overload]
            x = copied(node, builder, x, axis, places.tolist())
        return x
    if mode != "constant":
        raise node.error("no such padding", found=mode, allowed="constant, reflect, edge, wrap")
    order = builder.natural_order(x)
    if 0 not in order and pads[0] != (0, 0):
        raise node.error("the batch cannot be padded", found=pads[0])
    value = builder.scalar(node, 2) or 0.0
    name, stored = builder.take(node, x, order)
    made = builder.emit(node, "pad", (name,), pads=tuple(pads[axis] for axis in order), value=value)
    return builder.result(node, made, [stored], order)


def _pads(node: OnnxNode, builder: Builder, x: Tensor) -> list[tuple[int, int]]:
    """(before, after) of every axis."""
    amounts = builder.integers(node, 1)
    axes = builder.integers(node, 3) if node.has_input(3) else tuple(range(x.rank))
    if (
        len(amounts) != 2 * len(axes)
        or not 0 <= min(amounts, default=0) <= max(amounts, default=0) <= 1 << 16
    ):
        raise node.error("pads do not fit the axes", found=amounts, allowed=f"{2 * len(axes)} numbers from 0")
    pads = [(0, 0)] * x.rank
    for place, axis in enumerate(axes):
        pads[counted(node, [axis], x.rank)[0]] = (amounts[place], amounts[place + len(axes)])
    return pads


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
    "Tile": tile,
    "DepthToSpace": depth_to_space,
    "SpaceToDepth": space_to_depth,
    "Concat": concat,
    "Pad": pad,
}
