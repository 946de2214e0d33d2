"""The MAC column: beats of lanes into an ordered accumulator (A4, A5, W2, W3)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from npusim.spec.width import Overflow, Width, into


class BiasPlace(StrEnum):
    """When the bias meets the accumulator."""

    PRELOAD = "preload"
    """It is what the accumulator starts from."""
    LATE = "late"
    """It is an accumulate of its own, after the last beat."""


@dataclass(frozen=True)
class Column:
    """The registers of one MAC column.

    `tree` is the width of the adder tree that sums a beat's products; None: exact.
    """

    accumulator: Width
    overflow: Overflow
    bias_place: BiasPlace = BiasPlace.PRELOAD
    tree: Width | None = None
    tree_overflow: Overflow = Overflow.WRAP


@dataclass(frozen=True)
class Accumulation:
    """What a column made of its beats.

    Attributes
    ----------
    value
        The accumulator after the last beat (and the late bias).
    exact
        The sum without any register.
    overflows
        How many writes, to tree or accumulator, did not fit: the prefixes of A4.
    first_overflow
        The index of the first such beat; the late bias counts as one more beat. None: none.
    lowest, highest
        The extremes the accumulator held after its writes, the start included.
    """

    value: int
    exact: int
    overflows: int
    first_overflow: int | None
    lowest: int
    highest: int

    def leaves(self, register: Width) -> bool:
        """A4 `final`: the exact sum is outside the accumulator's range."""
        return not register.holds(self.exact)


def accumulate(
    beats: Iterable[Sequence[tuple[int, int]]], bias: int, column: Column, start: int = 0
) -> Accumulation:
    """Add beats of (activation, weight) pairs, in order, by the column's rules.

    Parameters
    ----------
    start
        What the accumulator holds before a late bias's beats; a preloaded bias takes its place.

    Examples
    --------
    >>> column = Column(Width(8), Overflow.SATURATE)
    >>> accumulate([[(10, 10)], [(10, 10)], [(-10, 10)]], 0, column).value
    27
    """
    late = column.bias_place is BiasPlace.LATE
    value = exact = start if late else bias
    overflows, first, lowest, highest = 0, None, value, value
    addends = [_beat(beat, column) for beat in beats]
    if late:
        addends.append((bias, bias, False))
    for index, (addend, exact_addend, tree_overflowed) in enumerate(addends):
        exact += exact_addend
        value, events = into(value + addend, column.accumulator, column.overflow)
        if events or tree_overflowed:
            overflows += 1
            first = index if first is None else first
        lowest, highest = min(lowest, value), max(highest, value)
    return Accumulation(value, exact, overflows, first, lowest, highest)


def _beat(beat: Sequence[tuple[int, int]], column: Column) -> tuple[int, int, bool]:
    """One beat's sum: as the tree has it, exactly, and whether the two differ in range."""
    exact = sum(activation * weight for activation, weight in beat)
    if column.tree is None:
        return exact, exact, False
    value, events = into(exact, column.tree, column.tree_overflow)
    return value, exact, bool(events)
