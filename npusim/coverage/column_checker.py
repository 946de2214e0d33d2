"""Certificates that a MAC column cannot do something, and their check: ranges of sums, or every state.

The check shares nothing with the solver: ranges are followed from the codes, states are enumerated anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import product
from typing import Any

from npusim.coverage.column_bins import ColumnBin, ColumnKind
from npusim.coverage.column_unit import ColumnUnit
from npusim.spec.interval import Interval
from npusim.spec.width import Overflow, Width, into

_MOST_STATES = 1 << 22


class Argument(StrEnum):
    """What a certificate argues with."""

    RANGES = "ranges"
    """What each write's exact sum can be at most."""
    FACTORS = "factors"
    """Every weight that one product could have: none leaves a code."""
    STATES = "states"
    """How many states there are behind each write: all are looked at."""


@dataclass(frozen=True)
class ColumnCertificate:
    """Why a bin of a column cannot be hit.

    Attributes
    ----------
    ranges
        Least and greatest exact sum of each write, up to the bin's.
    states
        The number of different values and histories behind each write before it; or of factors.
    """

    argument: Argument
    ranges: tuple[tuple[int, int], ...] = ()
    states: tuple[int, ...] = ()

    def plain(self) -> dict[str, Any]:
        """As JSON-like data."""
        return {
            "argument": self.argument.value,
            "ranges": [list(one) for one in self.ranges],
            "states": list(self.states),
        }


def check_column(unit: ColumnUnit, wanted: ColumnBin, certificate: ColumnCertificate) -> bool:
    """Whether a certificate proves that no legal vector of a column hits a bin."""
    ordered = {ColumnKind.FIRST_OVERFLOW, ColumnKind.DISTANCE, ColumnKind.AT_END}
    if wanted.kind is ColumnKind.BEAT_SUM:
        left = factors_left(unit, wanted)
        return certificate.argument is Argument.FACTORS and bool(left) and certificate.states == left
    kinds = {*ordered, ColumnKind.TREE_OVERFLOW}
    if wanted.kind not in kinds:
        return False
    if certificate.argument is Argument.RANGES:
        return _by_ranges(unit, wanted, certificate.ranges)
    if wanted.kind is ColumnKind.TREE_OVERFLOW:
        return False
    return reachable_states(unit, wanted) == (certificate.states, False)


def factors_left(unit: ColumnUnit, wanted: ColumnBin) -> tuple[int, ...]:
    """Of a column of one lane: how many weights there are; empty if any could make the wanted product."""
    if unit.lanes != 1:
        return ()
    xs = (unit.activation.low - unit.x_zero.high, unit.activation.high - unit.x_zero.low)
    weights = range(unit.weight.low - unit.weight_zero.high, unit.weight.high - unit.weight_zero.low + 1)
    (total,) = wanted.values
    for w in weights:
        if w and total % w == 0 and xs[0] <= total // w <= xs[1]:
            return ()
    return (len(weights),)


def _by_ranges(unit: ColumnUnit, wanted: ColumnBin, ranges: tuple[tuple[int, int], ...]) -> bool:
    beat = beat_range(unit)
    tree = unit.datapath.mac.column.tree
    if wanted.kind is ColumnKind.TREE_OVERFLOW:
        return tree is not None and (beat[1] <= tree.high if wanted.high else beat[0] >= tree.low)
    if tree is not None and not (tree.holds(beat[0]) and tree.holds(beat[1])):
        beat = (tree.low, tree.high)
    if len(ranges) != wanted.place + 1:
        return False
    register = unit.accumulator
    held = (0, 0) if unit.late else (unit.bias.low, unit.bias.high)
    for write, (low, high) in enumerate(ranges):
        added = (unit.bias.low, unit.bias.high) if write == unit.beats else beat
        if held[0] + added[0] < low or held[1] + added[1] > high:
            return False
        held = _written((low, high), register, unit.datapath.mac.accumulator.overflow)
    low, high = ranges[-1]
    if wanted.kind is ColumnKind.FIRST_OVERFLOW:
        return high <= register.high if wanted.high else low >= register.low
    if wanted.kind is ColumnKind.DISTANCE:
        near, far = wanted.values
        beyond = (low - register.high, high - register.high)
        if not wanted.high:
            beyond = (register.low - high, register.low - low)
        return beyond[1] < near or far < beyond[0]
    return not low <= (register.high if wanted.high else register.low) <= high


def _written(exact: tuple[int, int], register: Width, overflow: Overflow) -> tuple[int, int]:
    if register.holds(exact[0]) and register.holds(exact[1]):
        return exact
    if overflow is Overflow.WRAP:
        return register.low, register.high
    low, high = (min(max(end, register.low), register.high) for end in exact)
    return low, high


def beat_range(unit: ColumnUnit) -> tuple[int, int]:
    """The least and the greatest exact sum of a beat, from the corners of codes and zero points."""
    xs = (unit.activation.low - unit.x_zero.high, unit.activation.high - unit.x_zero.low)
    ws = (unit.weight.low - unit.weight_zero.high, unit.weight.high - unit.weight_zero.low)
    products = [x * w for x, w in product(xs, ws)]
    return min(products) * unit.lanes, max(products) * unit.lanes


def sum_ranges(unit: ColumnUnit, writes: int) -> tuple[tuple[int, int], ...]:
    """The range of each of the first writes' exact sums."""
    tree, beat = unit.datapath.mac.column.tree, beat_range(unit)
    if tree is not None and not (tree.holds(beat[0]) and tree.holds(beat[1])):
        beat = (tree.low, tree.high)
    held = (0, 0) if unit.late else (unit.bias.low, unit.bias.high)
    ranges = []
    for write in range(writes):
        added = (unit.bias.low, unit.bias.high) if write == unit.beats else beat
        ranges.append((held[0] + added[0], held[1] + added[1]))
        held = _written(ranges[-1], unit.accumulator, unit.datapath.mac.accumulator.overflow)
    return tuple(ranges)


def reachable_states(unit: ColumnUnit, wanted: ColumnBin) -> tuple[tuple[int, ...], bool]:
    """How many states there are behind each write before a bin's, and whether that write can hit it."""
    overflow, register = unit.datapath.mac.accumulator.overflow, unit.accumulator
    tree, tree_overflow = unit.datapath.mac.column.tree, unit.datapath.mac.column.tree_overflow
    counts = [0] * wanted.place
    hit = False
    for x_zero, weight_zero in product(_all(unit.x_zero), _all(unit.weight_zero)):
        products = {
            (x - x_zero) * (w - weight_zero) for x, w in product(_all(unit.activation), _all(unit.weight))
        }
        sums = {0}
        for _ in range(unit.lanes):
            sums = {total + value for total, value in product(sums, products)}
        exact_and_kept = [(s, s if tree is None else into(s, tree, tree_overflow)[0]) for s in sums]
        late = [(bias, bias) for bias in _all(unit.bias)]
        states = {(0, True)} if unit.late else {(bias, True) for bias in _all(unit.bias)}
        for write in range(wanted.place + 1):
            added = late if write == unit.beats else exact_and_kept
            if len(states) * len(added) > _MOST_STATES:
                return (), True
            if write == wanted.place:
                hit = hit or any(
                    _shows(wanted, register, value + kept, clean=clean and exact == kept)
                    for (value, clean), (exact, kept) in product(states, added)
                )
                break
            states = {
                (
                    into(value + kept, register, overflow)[0],
                    clean and exact == kept and register.holds(value + kept),
                )
                for (value, clean), (exact, kept) in product(states, added)
            }
            counts[write] += len(states)
    return tuple(counts), hit


def _shows(wanted: ColumnBin, register: Width, exact: int, *, clean: bool) -> bool:
    if wanted.kind is ColumnKind.AT_END:
        return exact == (register.high if wanted.high else register.low)
    if wanted.kind is ColumnKind.DISTANCE:
        beyond = exact - register.high if wanted.high else register.low - exact
        return clean and wanted.values[0] <= beyond <= wanted.values[1]
    return clean and (exact > register.high if wanted.high else exact < register.low)


def _all(interval: Interval) -> range:
    return range(interval.low, interval.high + 1)
