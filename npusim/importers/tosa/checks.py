"""Conditions of the specification that several operations share."""

from __future__ import annotations

from collections.abc import Sequence

from npusim.importers.tosa.builder import Builder
from npusim.importers.tosa.graph import Operator

Two = tuple[int, int]


def require_rank(operator: Operator, builder: Builder, place: int, rank: int) -> tuple[int, ...]:
    """An input's shape, which must have a given rank."""
    shape = builder.tensor(operator, place).shape
    if len(shape) != rank:
        raise operator.error(f"input {place} has the wrong rank", found=shape, allowed=f"rank {rank}")
    return shape


def require_some_rank(operator: Operator, builder: Builder, place: int = 0) -> tuple[int, ...]:
    """An input's shape, which must have a rank of at least 1."""
    shape = builder.tensor(operator, place).shape
    if not shape:
        raise operator.error(f"input {place} has the wrong rank", found=shape, allowed="rank 1 or more")
    return shape


def axis_of(operator: Operator, builder: Builder) -> int:
    """The attribute `axis`, one of the first input's."""
    axis, rank = operator.integer("axis"), len(require_some_rank(operator, builder))
    if not 0 <= axis < rank:
        raise operator.error("no such axis", found=axis, allowed=f"0..{rank - 1}")
    return axis


def require_least(operator: Operator, name: str, values: Sequence[int], least: int) -> None:
    """Raise InputError if one of some numbers is too small."""
    if min(values, default=least) < least:
        raise operator.error(f"{name} is too small", found=tuple(values), allowed=f"{least} or more")


def single(operator: Operator, builder: Builder, place: int) -> int:
    """A constant operand that holds one value."""
    require_rank(operator, builder, place, 1)
    values = builder.integers(operator, place)
    if len(values) != 1:
        raise operator.error(f"input {place} must hold one value", found=values)
    return values[0]


def zero_point(operator: Operator, builder: Builder, place: int) -> int:
    """A zero point as it is written; other types than INT8 have none."""
    value, kind = single(operator, builder, place), builder.tensor(operator, place).kind
    if value and kind != "INT8":
        raise operator.error(f"zero points of {kind} are 0", found=value)
    return value


def exact_quotient(operator: Operator, what: str, value: int, by: int) -> int:
    """A quotient without a remainder, which the specification asks of output sizes."""
    if value < 0 or value % by:
        raise operator.error(f"{what} is no whole number", found=f"{value} / {by}")
    return value // by
