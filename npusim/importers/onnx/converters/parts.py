"""Slice, Split and Gather: parts of tensors."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate

from npusim.importers.onnx.builder import Builder, Tensor
from npusim.importers.onnx.copies import copied
from npusim.importers.onnx.graph import OnnxNode
from npusim.importers.onnx.registry import Converter
from npusim.importers.onnx.shapes import one_axis

Cut = tuple[int, int, int]


def _cut(node: OnnxNode, builder: Builder, x: Tensor, cuts: Mapping[int, Cut]) -> Tensor:
    """Some axes cut to (start, stop, step)."""
    cuts = {axis: cut for axis, cut in cuts.items() if cut != (0, x.shape[axis], 1)}
    if not cuts:
        return x
    order = builder.natural_order(x)
    if 0 in cuts and 0 not in order:
        raise node.error("the batch cannot be cut", found=cuts[0])
    name, stored = builder.take(node, x, order)
    fields = tuple(cuts.get(axis, (0, x.shape[axis], 1)) for axis in order)
    made = builder.emit(node, "slice", (name,), cuts=fields)
    return builder.result(node, made, [stored], order)


def slice_(node: OnnxNode, builder: Builder) -> Tensor:
    """Slice with constant bounds; a negative step reverses."""
    x = builder.tensor(node)
    starts, ends = builder.integers(node, 1), builder.integers(node, 2)
    axes = builder.integers(node, 3) if node.has_input(3) else tuple(range(len(starts)))
    steps = builder.integers(node, 4) if node.has_input(4) else (1,) * len(starts)
    if not len(starts) == len(ends) == len(axes) == len(steps):
        raise node.error("starts, ends, axes and steps differ in length")
    cuts: dict[int, Cut] = {}
    backwards: dict[int, range] = {}
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        if not -x.rank <= axis < x.rank or step == 0:
            raise node.error("no such slice", found=f"axis {axis}, step {step}")
        first, last, _ = slice(start, end, step).indices(x.shape[axis])
        if not range(first, last, step):
            raise node.error("the slice is empty", found=(start, end))
        if step < 0:
            backwards[axis % x.rank] = range(first, last, step)
        else:
            cuts[axis % x.rank] = (first, last, step)
    made = _cut(node, builder, x, cuts)
    for axis, places in backwards.items():
        made = copied(node, builder, made, axis, places)
    return made


def split(node: OnnxNode, builder: Builder) -> list[Tensor]:
    """Split: one slice per part."""
    x = builder.tensor(node)
    axis = one_axis(node, x.rank, 0)
    count, length = len(node.outputs), x.shape[axis]
    even = -(-length // count)
    sizes = builder.integers(node, 1) if node.has_input(1) else node.integers("split")
    if sizes is None:
        sizes = (*[even] * (count - 1), length - even * (count - 1))
    if len(sizes) != count or sum(sizes) != length or min(sizes) < 1:
        raise node.error(
            "the parts do not fill the axis", found=sizes, allowed=f"{count} that add up to {length}"
        )
    ends = list(accumulate(sizes))
    return [
        _cut(node, builder, x, {axis: (end - size, end, 1)}) for size, end in zip(sizes, ends, strict=True)
    ]


def gather(node: OnnxNode, builder: Builder) -> Tensor:
    """Gather of one index, or of several; evenly spaced ones are a slice."""
    x = builder.tensor(node)
    axis = one_axis(node, x.rank, 0)
    indices = builder.constant(node, 1)
    length = x.shape[axis]
    places = [int(index) + (length if index < 0 else 0) for index in indices.reshape(-1)]
    if indices.ndim > 1 or not places or not 0 <= min(places) <= max(places) < length:
        raise node.error("a list of indices is supported", found=places[:8], allowed=f"0..{length - 1}")
    step = places[1] - places[0] if len(places) > 1 else 1
    if step >= 1 and places == list(range(places[0], places[-1] + 1, step)):
        made = _cut(node, builder, x, {axis: (places[0], places[-1] + 1, step)})
    else:
        made = copied(node, builder, x, axis, places)
    shape = list(made.shape)
    return made if indices.ndim else builder.view(node, made, shape[:axis] + shape[axis + 1 :])


CONVERTERS: dict[str, Converter] = {"Slice": slice_, "Split": split, "Gather": gather}
