"""Axes and shapes as ONNX nodes give them."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from npusim.importers.onnx.builder import Builder
from npusim.importers.onnx.graph import OnnxNode


def read_axes(node: OnnxNode, builder: Builder) -> tuple[int, ...] | None:
    """The axes of a node: an input in newer operator sets, an attribute in older ones."""
    return builder.integers(node, 1) if node.has_input(1) else node.integers("axes")


def counted(node: OnnxNode, axes: Sequence[int], rank: int) -> tuple[int, ...]:
    """Axes counted from the start, sorted."""
    if any(not -rank <= axis < rank for axis in axes):
        raise node.error("no such axis", found=tuple(axes), allowed=f"{-rank}..{rank - 1}")
    return tuple(sorted({axis % rank for axis in axes}))


def one_axis(node: OnnxNode, rank: int, default: int) -> int:
    """The attribute `axis`, counted from the start."""
    return counted(node, [node.integer("axis", default)], rank)[0]


def target_shape(node: OnnxNode, found: Sequence[int], wanted: Sequence[int], batch: int) -> tuple[int, ...]:
    """The shape a Reshape makes: 0 copies a length, -1 is what is left, the file's batch becomes 1."""
    keep_zero = node.integer("allowzero", 0)
    shape = [
        found[axis] if length == 0 and not keep_zero and axis < len(found) else length
        for axis, length in enumerate(wanted)
    ]
    if batch > 1 and shape and shape[0] == batch and -1 not in shape and prod(shape) == batch * prod(found):
        shape[0] = 1
    if shape.count(-1) > 1 or any(length < -1 or length == 0 for length in shape):
        raise node.error("no such shape", found=tuple(wanted))
    if -1 in shape:
        known = prod(length for length in shape if length > 0)
        if shape[0] == batch > 1:
            shape[0], known = 1, known // batch
        shape[shape.index(-1)] = prod(found) // known
    return tuple(shape)
