"""An event plan as the lanes of tiles read it: the constants that they count by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.kernels.emit.count import (
    ADDED,
    AGAIN,
    ARRANGED,
    ENDS,
    FACTOR,
    FLIP,
    HALF,
    HALF_AGAIN,
    HIGH,
    HIGH_CODE,
    HIGH_SHORT,
    LOST,
    LOST_AGAIN,
    LOW,
    LOW_CODE,
    LOW_SHORT,
    PAIRED,
    ROWS,
    SHIFT,
    SINGLE,
    ZERO,
    paired,
)
from npusim.kernels.emit.count_once import ENDS as SIGN_ENDS
from npusim.kernels.emit.count_once import (
    EXACT_BITS,
    GREATEST,
    LEAST,
    LOST_BITS,
    SIGN_ROWS,
    TIE_BITS,
    WAYS,
    Way,
)
from npusim.kernels.emit.order import PLACES, Order
from npusim.kernels.emit.registers import COUNT
from npusim.kernels.emit.rescale import Form
from npusim.kernels.event_plan import EventPlan, masks
from npusim.kernels.jit import readonly
from npusim.kernels.ops import Words
from npusim.kernels.tiled.constants import RescaleConstants
from npusim.kernels.tiled.second_shift import AgainMarks, again_marks
from npusim.kernels.tiled.weights import aligned

_GROUP = 4
"""Vectors that have a way of their own."""

_LEAST, _GREATEST = np.iinfo(np.int16).min, np.iinfo(np.int16).max
"""Bounds that no int16 is beyond."""


@dataclass(frozen=True, eq=False)
class Told:
    """An event plan as lanes read it.

    Attributes
    ----------
    rows : int64[vectors, ROWS, COUNT / 2]
        Laid out as `emit.count` says.
    lanes : int64[groups, 2]
        Which lanes of four vectors count, as `emit.count` says.
    places : int64[vectors, COUNT]
        How many channels or codes after the first one each lane's stands.
    wanted
        A bit for each kind that can happen.
    twice
        1: two shifts.
    ways : int64[groups]
        `Way` by which each group's tiles are counted.
    signs : int64[vectors, SIGN_ROWS, COUNT / 2]
        What that takes, laid out as `emit.count_once` says.
    """

    rows: Words
    lanes: Words
    places: Words
    wanted: int
    twice: int
    ways: Words
    signs: Words

    @property
    def arguments(self) -> tuple[Any, ...]:
        """As kernels take it."""
        return self.rows, self.signs, self.lanes, self.places, self.wanted, self.twice, self.ways


@dataclass(frozen=True, eq=False)
class Layout:
    """What lanes hold.

    Attributes
    ----------
    channels : int64[vectors, COUNT]
        Whose sum.
    used : bool[vectors, COUNT]
        Whether it counts, where all rows of a tile do and all codes of a stretch.
    reach : int64[all channels]
        The greatest magnitude of each one's sums.
    places, lanes
        As in `Told`.
    narrowed
        How narrowing leaves codes.
    """

    channels: Words
    used: npt.NDArray[np.bool_]
    reach: Words
    places: Words
    lanes: Words
    narrowed: Order


def told(plan: EventPlan, rescale: RescaleConstants, layout: Layout) -> Told | None:
    """Lay out a plan; None if this rescale does not have the bits that a second shift loses.

    Parameters
    ----------
    rescale
        What makes codes of sums.
    """
    again = None if plan.second is None else again_marks(plan.second, rescale)
    if plan.second is not None and again is None:
        return None
    ways = _ways(plan, rescale.form, again, layout)
    rounds, rounds_again = plan.lost.any(), again is not None and again.lost.any()
    return Told(
        aligned(_marks(plan, rescale, layout, again)),
        readonly(layout.lanes, np.int64),
        readonly(layout.places, np.int64),
        0b11 | (0b1100 if rounds else 0) | (0b110000 if rounds_again else 0),
        int(again is not None),
        ways,
        aligned(_signs(plan, rescale, layout, again, ways)),
    )


def _marks(
    plan: EventPlan, rescale: RescaleConstants, layout: Layout, again: AgainMarks | None
) -> npt.NDArray[np.int64]:
    """As `emit.count` lays them out."""
    bits, half = masks(plan.lost)
    narrow, words = {LOW: plan.low, HIGH: plan.high, LOST: bits, ENDS: bits >> 1, HALF: half}, {}
    if again is not None:
        narrow |= {AGAIN: again.added_again, LOST_AGAIN: again.lost, HALF_AGAIN: again.half}
        words = {FACTOR: rescale.scaled, ADDED: again.added, SHIFT: again.shift}
    rows = np.zeros((layout.channels.shape[0], ROWS, COUNT // 2), np.int64)
    for row, values in words.items():
        laid = values[layout.channels]
        rows[:, row], rows[:, row + 1] = laid[:, ::2], laid[:, 1::2]
    for row, values in narrow.items():
        rows[:, row] = _lanes(values[layout.channels])
    rows[:, ARRANGED] = np.array(PLACES[layout.narrowed], np.int32).view(np.int64)
    zero, low, high, flip = rescale.ends
    for row, value in ((ZERO, zero), (LOW_SHORT, low), (HIGH_SHORT, high)):
        rows[:, row] = np.full(2 * COUNT, value, np.int16).view(np.int64)
    for row, value in ((LOW_CODE, low), (HIGH_CODE, high), (FLIP, flip)):
        rows[:, row] = np.full(4 * COUNT, value).astype(np.uint8).view(np.int64)
    return rows


def _ways(plan: EventPlan, form: Form, again: AgainMarks | None, layout: Layout) -> Words:
    """How each group's tiles in a form are counted."""
    groups = layout.channels.reshape(-1, _GROUP * COUNT)
    if form not in WAYS:
        return readonly(np.full(groups.shape[0], Way.MEMORY), np.int64)
    # Where the lost bits hold any sum but their last, only 0 has none of the others.
    zero = (plan.lost > 0) & (np.left_shift(1, np.maximum(plan.lost, 1) - 1) > layout.reach)
    only_zero = zero[groups].all(axis=1)
    ways = np.where(only_zero, Way.ZERO, Way.ENDS)
    if again is not None:
        long = (again.lost[groups] >> 16).any(axis=1)
        ways = np.where(long, np.where(only_zero, Way.LONG, Way.MEMORY), ways)
    return readonly(ways, np.int64)


def _signs(
    plan: EventPlan, rescale: RescaleConstants, layout: Layout, again: AgainMarks | None, ways: Words
) -> npt.NDArray[np.int64]:
    """As `emit.count_once` lays them out."""
    channels, used, (_, low, high, _) = layout.channels, layout.used, rescale.ends
    rows = np.zeros((channels.shape[0], SIGN_ROWS, COUNT // 2), np.int64)
    rows[:, SIGN_ENDS] = _lanes(masks(plan.lost)[0][channels] >> 1)
    for row, bound, never in ((LEAST, low, _LEAST), (GREATEST, high, _GREATEST)):
        own = np.where(used, bound, never)
        rows[:, row] = _narrowed(own, np.roll(own, -1, axis=0))
    if again is not None:
        rows[:, LOST_BITS] = _lanes(np.where(used, again.lost[channels], 0))
        long = (ways == Way.LONG).repeat(_GROUP)[:, np.newaxis]
        for row, values in ((EXACT_BITS, again.exact), (TIE_BITS, again.tie)):
            own = np.where(used, values[channels], 1)
            rows[:, row] = np.where(long, _lanes(own), _narrowed(own, own))
    return rows


def _lanes(values: Words) -> Words:
    """int32 lanes, modulo 2**32 : int64[vectors, COUNT / 2]."""
    return np.ascontiguousarray(values.astype(np.uint64).astype(np.uint32)).view(np.int64)


def _narrowed(one: Words, two: Words) -> Words:
    """Two vectors as `narrow_lanes` has them, int16 modulo 2**16 : int64[vectors, COUNT / 2]."""
    parts = np.stack([one, two], axis=1).reshape(-1, 2, COUNT // 4, 4).transpose(0, 2, 1, 3)
    return (
        np.ascontiguousarray(parts.astype(np.uint64).astype(np.uint16)).reshape(-1, 2 * COUNT).view(np.int64)
    )


def group_lanes(used: npt.NDArray[np.bool_]) -> list[int]:
    """What `emit.count` takes for the lanes of four vectors that count : bool[4, COUNT]."""
    found = [0, 0]
    for vector, lane in np.argwhere(used).tolist():
        found[SINGLE] |= 1 << (vector * COUNT + lane)
        found[PAIRED] |= 1 << paired(vector, lane)
    return [bits - (bits >> 63 << 64) for bits in found]


def told_by(
    plan: EventPlan,
    rescale: RescaleConstants,
    relaid: Callable[..., RescaleConstants | None],
    layout: Layout,
) -> tuple[RescaleConstants, Told] | None:
    """A rescale that has all bits that a plan asks for, whole products if need be, and the plan laid out.

    Parameters
    ----------
    rescale
        The best one.
    relaid
        Makes others, without some forms.
    """
    narrow = {Form.HALVES}, {Form.HALVES, Form.HIGH, Form.HIGH_SIGNED}
    for other in (rescale, *map(relaid, narrow)):
        found = None if other is None else told(plan, other, layout)
        if other is not None and found is not None:
            return other, found
    return None
