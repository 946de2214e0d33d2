"""A7: sums of accumulators. Residual orders of weights, digits of inputs, meet before the one rounding."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from npusim.spec.mac import Accumulation, BiasPlace, Column, accumulate
from npusim.spec.pipeline import Trace, run
from npusim.spec.stages import BaseStage, Fields
from npusim.spec.width import into


class ExpansionForm(StrEnum):
    """How the passes over a layer's orders meet."""

    SHARED_ACCUMULATOR = "shared_accumulator"
    """One accumulator, shifted left between the passes: an order's scale is a power of two below the
    one before it."""
    MULTIPLIER_PER_ORDER = "multiplier_per_order"
    """An accumulator and a multiplier for each order, added behind the multipliers: any scales."""


def accumulate_onto(
    beats: Iterable[Sequence[tuple[int, int]]], partial: int, shift: int, bias: int, column: Column
) -> Accumulation:
    """Go on with a partial sum: ``acc <<= shift``, load the bias, add the beats, by the column's rules.

    The shift and the bias are writes of the accumulator like any other; those that do not fit count as
    overflows at beat 0. The exact sum starts from the partial sum as it arrives.

    Examples
    --------
    >>> from npusim.spec.width import Overflow, Width
    >>> column = Column(Width(8), Overflow.SATURATE)
    >>> accumulate_onto([[(2, 3)]], 5, 4, 1, column).value
    87
    >>> accumulate_onto([[(-2, 3)]], 9, 4, 1, column).value
    121
    """
    value, missed = _load(partial << shift, column)
    if column.bias_place is BiasPlace.PRELOAD:
        value, again = _load(value + bias, column)
        missed += again
        made = accumulate(beats, value, column)
    else:
        made = accumulate(beats, bias, column, start=value)
    exact = made.exact - value + (partial << shift)
    exact += bias if column.bias_place is BiasPlace.PRELOAD else 0
    first = 0 if missed else made.first_overflow
    return Accumulation(made.value, exact, made.overflows + missed, first, made.lowest, made.highest)


def _load(value: int, column: Column) -> tuple[int, int]:
    written, events = into(value, column.accumulator, column.overflow)
    return written, int(bool(events))


def digit(code: int, shift: int, bits: int, width: int) -> int:
    """`bits` bits of a signed code of `width` bits, from bit `shift` on, as a signed operand.

    The highest digit keeps the code's sign; the others have half of their range taken off:
    ``code = sum(digit * 2**shift) + sum(2**(bits - 1 + shift) over all but the highest)``.

    Examples
    --------
    >>> digit(1000, 8, 8, 16), digit(1000, 0, 8, 16)
    (3, 104)
    """
    if shift + bits >= width:
        return code >> shift
    return ((code >> shift) & ((1 << bits) - 1)) - (1 << (bits - 1))


@dataclass(frozen=True)
class OrderSum:
    """What the operand pipeline made of each order's accumulator, their exact sum and its rescale."""

    operands: tuple[Trace, ...]
    exact: int
    result: Trace


def sum_orders(
    accumulators: Sequence[int],
    operand_pipeline: Sequence[BaseStage],
    operand_fields: Sequence[Fields],
    result_pipeline: Sequence[BaseStage],
    result_fields: Fields,
) -> OrderSum:
    """Each accumulator times its multiplier, aligned exactly, added exactly, rescaled once."""
    pairs = zip(accumulators, operand_fields, strict=True)
    operands = tuple(run(operand_pipeline, value, fields) for value, fields in pairs)
    exact = sum(operand.result for operand in operands)
    return OrderSum(operands, exact, run(result_pipeline, exact, result_fields))
