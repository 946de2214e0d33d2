"""Events counted on the way: constants by lane, counters by lane, where each event was first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.kernels.emit.count import (
    ABOVE,
    ADDED,
    BELOW,
    COUNTERS,
    EXACT,
    EXACT_AGAIN,
    FACTOR,
    HIGH,
    HIGHEST,
    LOST,
    LOST_AGAIN,
    LOW,
    LOWEST,
    ROWS_ONCE,
    ROWS_TWICE,
    SHIFT,
    TIE,
    TIE_AGAIN,
)
from npusim.kernels.emit.registers import COUNT
from npusim.kernels.event_plan import EventPlan, masks
from npusim.kernels.jit import Int, part, readonly
from npusim.kernels.ops import Words
from npusim.kernels.records import COUNT as RECORD_COUNT
from npusim.kernels.records import FIRST, KINDS_TOLD
from npusim.kernels.records import HIGHEST as RECORD_HIGHEST
from npusim.kernels.records import LOWEST as RECORD_LOWEST

NO_RECORD = np.zeros(0, np.int64)
"""In place of a record: nothing is counted."""

ALWAYS = 0b010100
"""Kinds that nearly every sum causes: rounding."""


@dataclass(frozen=True, eq=False)
class Told:
    """An event plan as lanes read it.

    Attributes
    ----------
    rows : int64[vectors, ROWS_ONCE or ROWS_TWICE, COUNT / 2]
        Laid out as `emit.count` says.
    lanes : int64[vectors]
        A bit for each lane that holds a channel.
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


_NOTHING = np.zeros((0, ROWS_ONCE, COUNT // 2))
NOT_TOLD = Told(
    readonly(_NOTHING, np.int64),
    readonly(_NOTHING[:, 0, 0], np.int64),
    readonly(_NOTHING[:, 0], np.int64),
    0,
    0,
)
"""In place of an event plan: nothing is counted."""


def told(plan: EventPlan, order: Words, places: Words) -> Told:
    """Lay out a plan.

    Parameters
    ----------
    order : int64[lanes]
        Which channel each lane holds, -1 for none; whole vectors.
    places : int64[vectors, COUNT]
        As in `Told`.
    """
    lanes = order.reshape(-1, COUNT)
    used = lanes >= 0
    height = ROWS_ONCE if plan.second is None else ROWS_TWICE
    rows = np.zeros((lanes.shape[0], height, COUNT // 2), np.int64)
    narrow = {LOW: plan.low, HIGH: plan.high, LOST: masks(plan.lost)[0]}
    if plan.second is not None:
        narrow[LOST_AGAIN] = masks(plan.second.lost)[0]
        words = {FACTOR: plan.second.factor, ADDED: plan.second.constant, SHIFT: plan.second.first}
        for row, values in words.items():
            laid = np.where(used, values[lanes], 0)
            rows[:, row], rows[:, row + 1] = laid[:, ::2], laid[:, 1::2]
    for row, values in narrow.items():
        laid = np.where(used, values[lanes], 0).astype(np.uint64).astype(np.uint32)
        rows[:, row] = np.ascontiguousarray(laid).view(np.int64)
    second = plan.second is not None and plan.second.lost.any()
    wanted = 0b11 | (0b1100 if plan.lost.any() else 0) | (0b110000 if second else 0)
    bits = (used << np.arange(COUNT)).sum(axis=1)
    return Told(
        readonly(rows, np.int64),
        readonly(bits, np.int64),
        readonly(places, np.int64),
        wanted,
        int(plan.second is not None),
    )


@part
def no_counters() -> Words:
    """int64[COUNTERS] before the first sum."""
    counters = np.zeros(COUNTERS, np.int64)
    counters[LOWEST:HIGHEST], counters[HIGHEST:BELOW] = 0x7FFFFFFF7FFFFFFF, -0x7FFFFFFF80000000
    return counters


@part
def lanes_of(places: Words, left: int, lanes: Words) -> None:
    """Set a bit of lanes : int64[vectors] for each lane that stands before `left`."""
    for v in range(places.shape[0]):
        lanes[v] = 0
        for i in range(COUNT):
            lanes[v] |= (places[v, i] < left) << i


@part
def _caused(kind: int, value: Int, lane: int, constants: Words, narrow: npt.NDArray[np.int32]) -> Any:
    """Whether a sum in a lane causes an event; constants of its vector."""
    if kind == 0:
        return value < narrow[LOW, lane]
    if kind == 1:
        return value > narrow[HIGH, lane]
    if kind <= 3:
        mask, bits = narrow[LOST, lane], np.int32(value) & narrow[LOST, lane]
    else:
        odd, i = lane % 2, lane // 2
        product = value * constants[FACTOR + odd, i]
        mask = narrow[LOST_AGAIN, lane]
        bits = np.int32((product + constants[ADDED + odd, i]) >> constants[SHIFT + odd, i]) & mask
    # The last of the lost bits: what is left of the mask without its lower half.
    half = np.int64(np.uint32(mask)) - (np.int64(np.uint32(mask)) >> 1)
    tie = mask != 0 and np.int64(np.uint32(bits)) == half
    return tie if kind % 2 == 1 else bits != 0


@part
def locate(
    sums: npt.NDArray[np.int32],
    starts: Words,
    may: int,
    constants: Words,
    places: Words,
    left: int,
    record: Words,
) -> None:
    """Bring the record's firsts forward by a tile's sums.

    Parameters
    ----------
    sums : int32[rows * vectors * COUNT]
    starts : int64[rows]
        Flat positions of each row's first code.
    may
        A bit for each kind to look for.
    constants, places
        Of the tile's vectors.
    left
        Codes of a row that count.
    """
    vectors = places.shape[0]
    narrow = constants.view(np.int32)
    for kind in range(KINDS_TOLD):
        if (may >> kind) & 1:
            for r in range(starts.shape[0]):
                if starts[r] < record[FIRST + kind]:
                    for v in range(vectors):
                        for lane in range(COUNT):
                            at = starts[r] + places[v, lane]
                            if places[v, lane] < left and at < record[FIRST + kind]:
                                value = np.int64(sums[(r * vectors + v) * COUNT + lane])
                                if _caused(kind, value, lane, constants[v], narrow[v]):
                                    record[FIRST + kind] = at


@part
def locate_rows(
    sums: npt.NDArray[np.int32],
    first: int,
    distance: int,
    rows: int,
    may: int,
    constants: Words,
    places: Words,
    left: int,
    record: Words,
) -> None:
    """As `locate`, for rows that start `distance` apart."""
    starts = first + distance * np.arange(rows)
    locate(sums, starts, may, constants, places, left, record)


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
