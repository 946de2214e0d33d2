"""Events counted on the way: constants by lane, counters by lane, where each event was first."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.kernels.emit.count import (
    ABOVE,
    ADDED,
    AGAIN,
    BELOW,
    COUNTERS,
    EXACT,
    EXACT_AGAIN,
    FACTOR,
    HALF,
    HALF_AGAIN,
    HIGH,
    HIGHEST,
    LOST,
    LOST_AGAIN,
    LOW,
    LOWEST,
    SHIFT,
    TIE,
    TIE_AGAIN,
)
from npusim.kernels.emit.registers import COUNT
from npusim.kernels.jit import Int, part
from npusim.kernels.ops import Words
from npusim.kernels.records import COUNT as RECORD_COUNT
from npusim.kernels.records import FIRST, KINDS_TOLD
from npusim.kernels.records import HIGHEST as RECORD_HIGHEST
from npusim.kernels.records import LOWEST as RECORD_LOWEST

ALWAYS = 0b010100
"""Kinds that nearly every sum causes: rounding."""


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
                        if starts[r] + places[place + v, 0] >= record[FIRST + kind]:
                            continue  # a vector's first lane is its first place
                        for lane in range(COUNT):
                            at = starts[r] + places[place + v, lane]
                            if places[place + v, lane] < lengths[r] and at < record[FIRST + kind]:
                                value = np.int64(sums[(r * vectors + v) * COUNT + lane])
                                if _caused(kind, value, lane, told[group + v], narrow[group + v]):
                                    record[FIRST + kind] = at


@part
def still_wanted(wanted: int, record: Words, position: int) -> int:
    """The kinds whose first may yet be found at `position` or later."""
    if wanted == 0:  # as nearly always
        return 0
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
