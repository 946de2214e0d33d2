"""The bins of a mac step, derived from its datapath, its registers, its weights and its shapes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import product

import numpy as np

from npusim.coverage.bins import Bin
from npusim.coverage.stage_bins import pipeline_bins
from npusim.step_coverage.mac_unit import MacUnit, Seen, Term


class StepKind(StrEnum):
    """What a bin of a mac step is about."""

    RESCALE = "rescale"
    """A situation of the rescale, with the registers of some channel."""
    EXTREME = "extreme"
    """The least or the greatest accumulator of the step."""
    OVERFLOW = "first_overflow"
    """The first write beyond one end of the accumulator."""
    BEAT = "beat_extreme"
    """A beat with the least or the greatest sum that it has in any channel."""
    ALONE = "alone"
    """A beat that is the only one to add anything."""
    PAIR = "pair"
    """A corner code meets the least or the greatest weight of a lane."""
    PADDING = "padding"
    """A kernel position reads padding beyond an edge or a corner."""
    PARTIAL = "partial_block"
    """The last lane that a partial block of channels fills, and nothing else of its beat."""
    LAST = "last_channel"
    """The last channel's accumulator holds more than its bias."""


@dataclass(frozen=True)
class StepBin:
    """One situation of a mac step.

    Attributes
    ----------
    bins
        Of the rescale: the index of a group of channels and its bin; any of them shows it.
    place
        The beat, the lane or the kernel position.
    high
        Which end.
    values
        A code and a weight; or an edge: above or below, left or right.
    """

    name: str
    kind: StepKind
    bins: tuple[tuple[int, Bin], ...] = ()
    place: int = 0
    high: bool = True
    values: tuple[int, ...] = ()

    def hit(self, unit: MacUnit, seen: Seen) -> bool:
        """Whether an output shows it, given what the spec made of it."""
        return _HIT[self.kind](self, unit, seen)


SIDES = {
    "top": (-1, 0),
    "bottom": (1, 0),
    "left": (0, -1),
    "right": (0, 1),
    "top_left": (-1, -1),
    "top_right": (-1, 1),
    "bottom_left": (1, -1),
    "bottom_right": (1, 1),
}
"""Edges and corners: before or behind the rows, before or behind the columns."""


def mac_bins(unit: MacUnit) -> tuple[StepBin, ...]:
    """All bins of a step."""
    return (*_rescale(unit), *_column(unit), *_operands(unit), *_shape(unit))


def _rescale(unit: MacUnit) -> Iterator[StepBin]:
    """Those of every group's rescale; groups share what has the same name."""
    found: dict[str, list[tuple[int, Bin]]] = {}
    for index, group in enumerate(unit.groups):
        for one in pipeline_bins(group):
            found.setdefault(one.name, []).append((index, one))
    for name, bins in found.items():
        yield StepBin(name, StepKind.RESCALE, tuple(bins))


def _column(unit: MacUnit) -> Iterator[StepBin]:
    ends = {"low": False, "high": True}
    for end, high in ends.items():
        yield StepBin(f"A5.accumulator.extreme_{end}", StepKind.EXTREME, high=high)
    for place, (end, high) in product(range(unit.column.writes), ends.items()):
        where = "late_bias" if place == unit.beats else f"beat_{place}"
        yield StepBin(
            f"A5.accumulator.first_overflow_{end}.{where}", StepKind.OVERFLOW, place=place, high=high
        )
    for beat, (end, high) in product(range(unit.beats), ends.items()):
        yield StepBin(f"A5.beat.extreme_{end}.beat_{beat}", StepKind.BEAT, place=beat, high=high)
    for beat in range(unit.beats):
        yield StepBin(f"A6.beat.alone.beat_{beat}", StepKind.ALONE, place=beat)


def _operands(unit: MacUnit) -> Iterator[StepBin]:
    """Corner codes where a lane's least and greatest weights stand."""
    for lane, weights in enumerate(lane_weights(unit)):
        for x, w in product(code_corners(unit), weights):
            yield StepBin(f"A6.lane_{lane}.{x}_times_{w}", StepKind.PAIR, place=lane, values=(x, w))


def code_corners(unit: MacUnit) -> list[int]:
    """The codes that operands are tried with."""
    codes = unit.codes
    wanted = [codes.low, -1, 0, 1, codes.high, unit.columns.pad_code]
    return [code for code in dict.fromkeys(wanted) if code in codes]


def lane_weights(unit: MacUnit) -> list[list[int]]:
    """The least and the greatest weight that each lane meets; lanes that no block fills are left out."""
    columns = unit.columns
    by_tap = columns.weights.reshape(columns.outputs, columns.taps, -1)
    codes = by_tap[:, :, 0] if columns.depthwise else np.moveaxis(by_tap, 2, 1)
    found = []
    for lane in range(min(columns.lanes, codes.shape[1])):
        held = codes[:, lane :: columns.lanes]
        found.append(list(dict.fromkeys([int(held.min()), int(held.max())])))
    return found


def _shape(unit: MacUnit) -> Iterator[StepBin]:
    window = unit.columns.window
    padded = any(not one.inside.all() for one in unit.columns.classes)
    for tap, side in product(range(unit.columns.taps) if padded else (), SIDES):
        row, column = divmod(tap, window.kernel[1])
        name = f"A6.padding.{side}.kernel_{row}_{column}"
        yield StepBin(name, StepKind.PADDING, place=tap, values=SIDES[side])
    lane = last_lane(unit)
    if lane is not None:
        yield StepBin(f"A6.partial_block.lane_{lane}", StepKind.PARTIAL, place=lane)
    yield StepBin("A6.last_channel", StepKind.LAST)


def last_lane(unit: MacUnit) -> int | None:
    """The last lane that a partial block fills; None if all blocks are whole."""
    columns = unit.columns
    filled = columns.taps if columns.depthwise else int(columns.weights.shape[3])
    rest = filled % columns.lanes
    return rest - 1 if rest else None


def in_partial_block(unit: MacUnit, term: Term) -> bool:
    """Whether a product is of the last lane of a partial block."""
    columns = unit.columns
    if columns.depthwise:
        return term.tap == columns.taps - 1
    last_block = term.beat % columns.blocks == columns.blocks - 1
    return last_block and term.lane == last_lane(unit)


def _in_rescale(one: StepBin, unit: MacUnit, seen: Seen) -> bool:
    return any(
        index == seen.group and wanted.hit(unit.groups[index], seen.rescale) for index, wanted in one.bins
    )


def _extreme(one: StepBin, unit: MacUnit, seen: Seen) -> bool:
    return seen.exact == extreme(unit, high=one.high)


def extreme(unit: MacUnit, *, high: bool) -> int:
    """The least or the greatest exact sum of the step."""
    ranges = [unit.accumulators(channel) for channel in range(unit.columns.outputs)]
    return max(each.high for each in ranges) if high else min(each.low for each in ranges)


def _overflow(one: StepBin, unit: MacUnit, seen: Seen) -> bool:
    register, write = unit.column.accumulator, seen.writes[one.place]
    earlier = all(register.holds(each.exact) and each.tree_fits for each in seen.writes[: one.place])
    beyond = write.exact > register.high if one.high else write.exact < register.low
    return earlier and write.tree_fits and beyond


def _beat(one: StepBin, unit: MacUnit, seen: Seen) -> bool:
    return seen.writes[one.place].tree_exact == unit.beat_ends[one.place][one.high]


def _alone(one: StepBin, unit: MacUnit, seen: Seen) -> bool:
    off = unit.columns.taken_off
    beats = {term.beat for term, code in seen.read if term.weight * (code - off)}
    return beats == {one.place}


def _pair(one: StepBin, unit: MacUnit, seen: Seen) -> bool:
    zero = unit.weight_zero(seen.channel)
    return any(
        term.lane == one.place and (code, term.weight + zero) == one.values for term, code in seen.read
    )


def _padding(one: StepBin, unit: MacUnit, seen: Seen) -> bool:
    return any(term.tap == one.place and term.weight and term.side == one.values for term, _ in seen.read)


def _partial(one: StepBin, unit: MacUnit, seen: Seen) -> bool:
    off = unit.columns.taken_off
    lit = [term for term, code in seen.read if term.weight * (code - off)]
    for term in lit:
        if in_partial_block(unit, term) and sum(other.beat == term.beat for other in lit) == 1:
            return True
    return False


def _last(one: StepBin, unit: MacUnit, seen: Seen) -> bool:
    last = unit.columns.outputs - 1
    return seen.channel == last and seen.accumulator != int(unit.columns.bias[last])


_HIT: dict[StepKind, Callable[[StepBin, MacUnit, Seen], bool]] = {
    StepKind.RESCALE: _in_rescale,
    StepKind.EXTREME: _extreme,
    StepKind.OVERFLOW: _overflow,
    StepKind.BEAT: _beat,
    StepKind.ALONE: _alone,
    StepKind.PAIR: _pair,
    StepKind.PADDING: _padding,
    StepKind.PARTIAL: _partial,
    StepKind.LAST: _last,
}
