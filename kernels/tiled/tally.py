"""Events counted on the way: constants by lane, counters by lane, where each event was first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.kernels.emit.count import (
    ABOVE,
    ADDED,
    AGAIN,
    ARRANGED,
    BELOW,
    COUNTERS,
    ENDS,
    EXACT,
    EXACT_AGAIN,
    EXACT_BITS,
    FACTOR,
    FLIP,
    HALF,
    HALF_AGAIN,
    HIGH,
    HIGH_CODE,
    HIGH_SHORT,
    HIGHEST,
    LOST,
    LOST_AGAIN,
    LOW,
    LOW_CODE,
    LOW_SHORT,
    LOWEST,
    PAIRED,
    ROWS,
    SHIFT,
    SINGLE,
    TIE,
    TIE_AGAIN,
    TIE_BITS,
    ZERO,
    paired,
)
from npusim.kernels.emit.order import PLACES, Order
from npusim.kernels.emit.registers import COUNT
from npusim.kernels.emit.rescale import Form
from npusim.kernels.event_plan import EventPlan, masks
from npusim.kernels.jit import Int, part, readonly
from npusim.kernels.ops import Words
from npusim.kernels.records import COUNT as RECORD_COUNT
from npusim.kernels.records import FIRST, KINDS_TOLD
from npusim.kernels.records import HIGHEST as RECORD_HIGHEST
from npusim.kernels.records import LOWEST as RECORD_LOWEST
from npusim.kernels.tiled.constants import RescaleConstants
from npusim.kernels.tiled.second_shift import again_marks
from npusim.kernels.tiled.weights import aligned

NO_RECORD = np.zeros(0, np.int64)
"""In place of a record: nothing is counted."""

ALWAYS = 0b010100
"""Kinds that nearly every sum causes: rounding."""


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
    """

    rows: Words
    lanes: Words
    places: Words
    wanted: int
    twice: int


_NOTHING = np.zeros((0, ROWS, COUNT // 2))
NOT_TOLD = Told(
    readonly(_NOTHING, np.int64),
    readonly(_NOTHING[:, 0, :2], np.int64),
    readonly(_NOTHING[:, 0], np.int64),
    0,
    0,
)
"""In place of an event plan: nothing is counted."""


def told(
    plan: EventPlan, rescale: RescaleConstants, order: Words, places: Words, lanes: Words, narrowed: Order
) -> Told | None:
    """Lay out a plan; None if this rescale does not have the bits that a second shift loses.

    Parameters
    ----------
    rescale
        What makes codes of sums.
    order : int64[lanes]
        Which channel each lane holds, -1 for none; whole vectors.
    places, lanes
        As in `Told`.
    narrowed
        How narrowing leaves codes.
    """
    bits, half = masks(plan.lost)
    narrow, words = {LOW: plan.low, HIGH: plan.high, LOST: bits, ENDS: bits >> 1, HALF: half}, {}
    if plan.second is not None:
        again = again_marks(plan.second, rescale)
        if again is None:
            return None
        narrow |= {AGAIN: again.added_again, LOST_AGAIN: again.lost, HALF_AGAIN: again.half}
        narrow |= {EXACT_BITS: again.exact, TIE_BITS: again.tie}
        words = {FACTOR: rescale.scaled, ADDED: again.added, SHIFT: again.shift}
    by_vector = order.reshape(-1, COUNT)
    used = by_vector >= 0
    rows = np.zeros((by_vector.shape[0], ROWS, COUNT // 2), np.int64)
    for row, values in words.items():
        laid = np.where(used, values[by_vector], 0)
        rows[:, row], rows[:, row + 1] = laid[:, ::2], laid[:, 1::2]
    for row, values in narrow.items():
        laid = np.where(used, values[by_vector], 0).astype(np.uint64).astype(np.uint32)
        rows[:, row] = np.ascontiguousarray(laid).view(np.int64)
    rows[:, ARRANGED] = np.array(PLACES[narrowed], np.int32).view(np.int64)
    zero, low, high, flip = rescale.ends
    for row, value in ((ZERO, zero), (LOW_SHORT, low), (HIGH_SHORT, high)):
        rows[:, row] = np.full(2 * COUNT, value, np.int16).view(np.int64)
    for row, value in ((LOW_CODE, low), (HIGH_CODE, high), (FLIP, flip)):
        rows[:, row] = np.full(4 * COUNT, value).astype(np.uint8).view(np.int64)
    second = plan.second is not None and plan.second.lost.any()
    return Told(
        aligned(rows),
        readonly(lanes, np.int64),
        readonly(places, np.int64),
        0b11 | (0b1100 if plan.lost.any() else 0) | (0b110000 if second else 0),
        int(plan.second is not None),
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
    order: Words,
    places: Words,
    lanes: Words,
    narrowed: Order,
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
        found = None if other is None else told(plan, other, order, places, lanes, narrowed)
        if other is not None and found is not None:
            return other, found
    return None


@part
def no_counters() -> Words:
    """int64[COUNTERS] before the first sum."""
    counters = np.zeros(COUNTERS, np.int64)
    counters[LOWEST:HIGHEST], counters[HIGHEST:BELOW] = 0x7FFFFFFF7FFFFFFF, -0x7FFFFFFF80000000
    return counters


@part
def _caused(kind: int, value: Int, lane: int, constants: Words, narrow: npt.NDArray[np.int32]) -> Any:
    """Whether a sum in a lane causes an event; constants of its vector."""
    if kind == 0:
        return value < narrow[LOW, lane]
    if kind == 1:
        return value > narrow[HIGH, lane]
    if kind <= 3:
        bits, half = np.int32(value) & narrow[LOST, lane], narrow[HALF, lane]
    else:
        odd, i = lane % 2, lane // 2
        product = value * constants[FACTOR + odd, i] + constants[ADDED + odd, i]
        again = np.int32(product >> constants[SHIFT + odd, i]) + narrow[AGAIN, lane]
        bits, half = np.int32(again) & narrow[LOST_AGAIN, lane], narrow[HALF_AGAIN, lane]
    return bits == half if kind % 2 == 1 else bits != 0


@part
def locate(
    sums: npt.NDArray[np.int32],
    starts: Words,
    lengths: Words,
    first: int,
    last: int,
    may: int,
    told: Words,
    places: Words,
    group: int,
    place: int,
    vectors: int,
    record: Words,
) -> None:
    """Bring the record's firsts forward by a tile's sums.

    Parameters
    ----------
    sums : int32[rows * vectors * COUNT]
    starts, lengths : int64[rows]
        Flat positions of each row's first code, and how many codes of a row count.
    first, last
        The rows to look at: `first` .. `last` - 1.
    may
        A bit for each kind to look for.
    told, places
        Of `Told`; the tile's vectors begin at `group` and `place`.
    """
    narrow = told.view(np.int32)
    for kind in range(KINDS_TOLD):
        if (may >> kind) & 1:
            for r in range(first, last):
                if starts[r] < record[FIRST + kind]:
                    for v in range(vectors):
                        for lane in range(COUNT):
                            at = starts[r] + places[place + v, lane]
                            if places[place + v, lane] < lengths[r] and at < record[FIRST + kind]:
                                value = np.int64(sums[(r * vectors + v) * COUNT + lane])
                                if _caused(kind, value, lane, told[group + v], narrow[group + v]):
                                    record[FIRST + kind] = at


@part
def still_wanted(wanted: int, record: Words, position: int) -> int:
    """The kinds whose first may yet be found at `position` or later."""
    for kind in range(KINDS_TOLD):
        if record[FIRST + kind] < position:
            wanted &= ~(1 << kind)
    return wanted


@part
def close(counters: Words, values: int, twice: int, record: Words) -> None:
    """Add the counters of `values` sums to the record."""
    lanes = counters[:BELOW].view(np.int32)
    for i in range(COUNT):
        record[RECORD_LOWEST] = min(record[RECORD_LOWEST], lanes[i])
        record[RECORD_HIGHEST] = max(record[RECORD_HIGHEST], lanes[COUNT + i])
    record[RECORD_COUNT] += counters[BELOW]
    record[RECORD_COUNT + 1] += counters[ABOVE]
    record[RECORD_COUNT + 2] += values - counters[EXACT]
    record[RECORD_COUNT + 3] += counters[TIE]
    if twice == 1:
        record[RECORD_COUNT + 4] += values - counters[EXACT_AGAIN]
        record[RECORD_COUNT + 5] += counters[TIE_AGAIN]
