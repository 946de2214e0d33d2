"""Operations that move values and leave them as they are, and the one that tells where the greatest is."""

from __future__ import annotations

from math import prod

from npusim.importers.tosa.builder import Builder
from npusim.importers.tosa.checks import axis_of, require_least, require_some_rank, single
from npusim.importers.tosa.graph import Operator
from npusim.importers.tosa.images import MOST_PARTS
from npusim.spec.width import Width, wrap
from npusim.steps.argmax import ArgmaxStep
from npusim.steps.concat import ConcatStep
from npusim.steps.pad import PadStep
from npusim.steps.slice import SliceStep
from npusim.steps.transpose import TransposeStep


def _identity(operator: Operator, builder: Builder) -> None:
    builder.finish(operator, builder.value(operator, 0))


def _reshape(operator: Operator, builder: Builder) -> None:
    x, y = builder.tensor(operator, 0), builder.output(operator)
    shape = builder.integers(operator, 1)
    if shape != y.shape or prod(x.shape) != prod(shape):
        raise operator.error("does not make the output's shape", found=shape, allowed=f"{y.shape}")
    builder.finish(operator, builder.reshaped(builder.value(operator, 0), shape, y.name))


def _transpose(operator: Operator, builder: Builder) -> None:
    rank, order = len(require_some_rank(operator, builder)), operator.integers("perms")
    if sorted(order) != list(range(rank)):
        raise operator.error("not an order of the axes", found=order, allowed=f"of 0..{rank - 1}")
    name = builder.output(operator).name
    made = builder.add(TransposeStep, name, (builder.value(operator, 0),), permutation=order)
    builder.finish(operator, made)


def _slice(operator: Operator, builder: Builder) -> None:
    shape = require_some_rank(operator, builder)
    starts, sizes = builder.integers(operator, 1), builder.integers(operator, 2)
    if not len(starts) == len(sizes) == len(shape):
        raise operator.error("one start and size per axis is wanted", found=(starts, sizes))
    require_least(operator, "a start", starts, 0)
    require_least(operator, "a size", sizes, 1)
    cuts = tuple((start, start + size, 1) for start, size in zip(starts, sizes, strict=True))
    made = builder.add(SliceStep, builder.output(operator).name, (builder.value(operator, 0),), cuts=cuts)
    builder.finish(operator, made)


def _pad(operator: Operator, builder: Builder) -> None:
    shape = require_some_rank(operator, builder)
    flat = builder.integers(operator, 1)
    if len(flat) != 2 * len(shape):
        raise operator.error("places before and after each axis are wanted", found=flat)
    require_least(operator, "a padding", flat, 0)
    pads = tuple(zip(flat[::2], flat[1::2], strict=True))
    x = builder.value(operator, 0)
    kind = builder.tensors[x]
    value, _ = wrap(single(operator, builder, 2), Width(kind.bits, kind.signed))
    made = builder.add(PadStep, builder.output(operator).name, (x,), pads=pads, value=value)
    builder.finish(operator, made)


def _concat(operator: Operator, builder: Builder) -> None:
    count, axis = len(operator.inputs), axis_of(operator, builder)
    values = [builder.value(operator, place, signed=True) for place in range(count)]
    fields = (None,) * count
    name = builder.output(operator).name
    builder.finish(operator, builder.add(ConcatStep, name, values, axis=axis, operand_fields=fields))


def _tile(operator: Operator, builder: Builder) -> None:
    """The same tensor behind itself, axis by axis."""
    shape, name = require_some_rank(operator, builder), builder.output(operator).name
    multiples = builder.integers(operator, 1)
    if len(multiples) != len(shape):
        raise operator.error("one multiple per axis is wanted", found=multiples)
    require_least(operator, "a multiple", multiples, 1)
    if max(multiples) > MOST_PARTS:
        raise operator.unsupported("too many copies", found=multiples, allowed=f"up to {MOST_PARTS}")
    made = builder.value(operator, 0)
    for axis, count in enumerate(multiples):
        if count > 1:
            fields = (None,) * count
            made = builder.add(ConcatStep, name, (made,) * count, axis=axis, operand_fields=fields)
    builder.finish(operator, made)


def _argmax(operator: Operator, builder: Builder) -> None:
    axis, x = axis_of(operator, builder), builder.value(operator, 0, signed=True)
    builder.finish(operator, builder.add(ArgmaxStep, builder.output(operator).name, (x,), axis=axis))


CONVERTERS = {
    "ARGMAX": _argmax,
    "CONCAT": _concat,
    "IDENTITY": _identity,
    "PAD": _pad,
    "RESHAPE": _reshape,
    "SLICE": _slice,
    "TILE": _tile,
    "TRANSPOSE": _transpose,
}
