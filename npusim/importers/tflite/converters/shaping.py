"""Operations that move codes and leave them as they are."""

from __future__ import annotations

from collections.abc import Sequence

from npusim.importers.tflite.axes import counted, view
from npusim.importers.tflite.builder import Builder, stripped
from npusim.importers.tflite.graph import Operator
from npusim.steps.pad import PadStep
from npusim.steps.slice import SliceStep
from npusim.steps.transpose import TransposeStep

Cut = tuple[int, int, int]
"""(start, stop, step) along an axis."""


def _reshape(operator: Operator, builder: Builder) -> None:
    """The file holds the shape that the output has: nothing else needs to be known."""
    builder.finish(operator, builder.value(operator, 0))


def _transpose(operator: Operator, builder: Builder) -> None:
    rank, order = len(builder.tensor(operator, 0).shape), builder.integers(operator, 1)
    if sorted(order) != list(range(rank)):
        raise operator.error("not an order of the axes", found=order, allowed=f"of 0..{rank - 1}")
    moved = [] if order[0] == 0 else [0]
    value, short = view(operator, builder, 0, moved)
    permutation = tuple(axis - short for axis in order[short:])
    name = builder.output(operator).name
    builder.finish(operator, builder.add(TransposeStep, name, (value,), permutation=permutation))


def cut(operator: Operator, builder: Builder, place: int, cuts: Sequence[Cut], output: int) -> None:
    """A part of an input is an output."""
    shape = builder.tensor(operator, place).shape
    whole = [(0, size, 1) for size in shape]
    name = builder.output(operator, output).name
    if list(cuts) == whole:
        builder.finish(operator, builder.value(operator, place), output)
        return
    value, short = view(operator, builder, place, [] if cuts[0] == whole[0] else [0])
    builder.finish(operator, builder.add(SliceStep, name, (value,), cuts=tuple(cuts[short:])), output)


def _slice(operator: Operator, builder: Builder) -> None:
    shape = builder.tensor(operator, 0).shape
    begins, sizes = builder.integers(operator, 1), builder.integers(operator, 2)
    if not len(begins) == len(sizes) == len(shape):
        raise operator.error("one start and size per axis is wanted", found=(begins, sizes))
    cuts = [
        (begin, length if size == -1 else begin + size, 1)
        for begin, size, length in zip(begins, sizes, shape, strict=True)
    ]
    cut(operator, builder, 0, cuts, 0)


def _strided_slice(operator: Operator, builder: Builder) -> None:
    if operator.integer("EllipsisMask") or operator.integer("NewAxisMask") or operator.integer("Offset"):
        raise operator.error("ellipsis, new axes and offsets are not supported")
    shape = builder.tensor(operator, 0).shape
    begins, ends, steps = (list(builder.integers(operator, place)) for place in (1, 2, 3))
    if not len(begins) == len(ends) == len(steps) <= len(shape):
        raise operator.error("start, stop and step of each axis are wanted", found=(begins, ends, steps))
    cuts = []
    for axis, length in enumerate(shape):
        if axis >= len(begins):
            cuts.append((0, length, 1))
        else:
            cuts.append(_strided(operator, axis, length, (begins[axis], ends[axis], steps[axis])))
    cut(operator, builder, 0, cuts, 0)


def _strided(operator: Operator, axis: int, length: int, part: Cut) -> Cut:
    begin, end, step = part
    if step < 1:
        raise operator.error("steps must be positive", found=step)
    begin = begin + length if begin < 0 else begin
    if operator.integer("ShrinkAxisMask") >> axis & 1:
        return begin, begin + 1, 1
    end = end + length if end < 0 else end
    begin = 0 if operator.integer("BeginMask") >> axis & 1 else min(max(begin, 0), length)
    end = length if operator.integer("EndMask") >> axis & 1 else min(max(end, 0), length)
    return begin, end, step


def _parts(operator: Operator, builder: Builder, place: int, axis: int, sizes: Sequence[int]) -> None:
    """Parts behind each other along an axis become the outputs."""
    shape, start = builder.tensor(operator, place).shape, 0
    if len(sizes) != len(operator.outputs) or sum(sizes) != shape[axis]:
        raise operator.error("the parts do not make the whole", found=list(sizes), allowed=str(shape[axis]))
    for output, size in enumerate(sizes):
        cuts = [(0, length, 1) for length in shape]
        cuts[axis] = (start, start + size, 1)
        cut(operator, builder, place, cuts, output)
        start += size


def _split(operator: Operator, builder: Builder) -> None:
    shape, count = builder.tensor(operator, 1).shape, len(operator.outputs)
    axis = counted(operator, builder.integers(operator, 0)[0], len(shape))
    _parts(operator, builder, 1, axis, [shape[axis] // count] * count)


def _split_v(operator: Operator, builder: Builder) -> None:
    shape, sizes = builder.tensor(operator, 0).shape, list(builder.integers(operator, 1))
    axis = counted(operator, builder.integers(operator, 2)[0], len(shape))
    if -1 in sizes:
        sizes[sizes.index(-1)] = shape[axis] - sum(size for size in sizes if size >= 0)
    _parts(operator, builder, 0, axis, sizes)


def _unpack(operator: Operator, builder: Builder) -> None:
    shape = builder.tensor(operator, 0).shape
    axis = counted(operator, operator.integer("Axis"), len(shape))
    _parts(operator, builder, 0, axis, [1] * shape[axis])


def _pad(operator: Operator, builder: Builder) -> None:
    x, y = builder.tensor(operator, 0), builder.output(operator)
    flat = builder.integers(operator, 1)
    pads = list(zip(flat[::2], flat[1::2], strict=False))
    if len(pads) != len(x.shape) or min(flat, default=0) < 0:
        raise operator.error("pixels before and after each axis are wanted", found=flat)
    value = y.zero_point
    if builder.has_input(operator, 2):
        constant = builder.constant(operator, 2)
        if constant.size != 1:
            raise operator.error("one value to pad with is wanted", found=constant.shape)
        value = int(constant.reshape(-1)[0])
    source, short = view(operator, builder, 0, [0] if pads[0] != (0, 0) else [])
    builder.finish(operator, builder.add(PadStep, y.name, (source,), pads=tuple(pads[short:]), value=value))


def _space_to_depth(operator: Operator, builder: Builder) -> None:
    """Blocks of pixels become channels, row by row."""
    block = operator.integer("BlockSize")
    rows, columns, channels = _image(operator, builder)
    if block < 1 or rows % block or columns % block:
        raise operator.error("blocks do not fit the image", found=block, allowed=f"{rows} x {columns}")
    shape = (rows // block, block, columns // block, block, channels)
    _regrouped(operator, builder, shape, (0, 2, 1, 3, 4))


def _depth_to_space(operator: Operator, builder: Builder) -> None:
    """Channels become blocks of pixels."""
    block = operator.integer("BlockSize")
    rows, columns, channels = _image(operator, builder)
    if block < 1 or channels % (block * block):
        raise operator.error("blocks do not fit the channels", found=block, allowed=f"{channels}")
    shape = (rows, columns, block, block, channels // (block * block))
    _regrouped(operator, builder, shape, (0, 2, 1, 3, 4))


def _image(operator: Operator, builder: Builder) -> tuple[int, int, int]:
    shape = stripped(builder.tensor(operator, 0).shape)
    if len(shape) != 3:
        raise operator.error("an image is wanted", found=shape)
    return shape[0], shape[1], shape[2]


def _regrouped(operator: Operator, builder: Builder, shape: Sequence[int], order: tuple[int, ...]) -> None:
    name = builder.output(operator).name
    value = builder.reshaped(builder.value(operator, 0), shape, f"{name}/blocks")
    builder.finish(operator, builder.add(TransposeStep, f"{name}/moved", (value,), permutation=order))


CONVERTERS = {
    "DEPTH_TO_SPACE": _depth_to_space,
    "EXPAND_DIMS": _reshape,
    "PAD": _pad,
    "PADV2": _pad,
    "RESHAPE": _reshape,
    "SLICE": _slice,
    "SPACE_TO_DEPTH": _space_to_depth,
    "SPLIT": _split,
    "SPLIT_V": _split_v,
    "SQUEEZE": _reshape,
    "STRIDED_SLICE": _strided_slice,
    "TRANSPOSE": _transpose,
    "UNPACK": _unpack,
}
