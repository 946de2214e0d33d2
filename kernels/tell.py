"""Events told from values alone (`event_plan`), in plain loops: any instruction set, any operation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.kernels.event_plan import EventPlan, masks
from npusim.kernels.jit import Array, Int, kernel, part, readonly
from npusim.kernels.ops import Words
from npusim.kernels.records import COUNT, FIRST, HIGHEST, LOWEST

LOW, HIGH, LOST, HALF, ENDS, FACTOR, LOST_AGAIN, HALF_AGAIN = range(8)
"""The rows of `Teller.narrow`; ENDS are the lost bits below the last one."""

ADDED, SHIFT = 0, 1
"""The rows of `Teller.words`."""


@dataclass(frozen=True, eq=False)
class Teller:
    """An event plan laid out for loops over channels.

    Attributes
    ----------
    narrow : int32[8, width]
    words : int64[2, width]
        Operands, repeated to a chunk of whole rows.
    twice
        1: two shifts.
    """

    narrow: npt.NDArray[np.int32]
    words: Words
    twice: int

    def tell(self, values: Array, record: Words, base: int) -> None:
        """Add what values : int32 or int64[n], from flat position `base` on, cause to a record."""
        _tell(readonly(values, values.dtype), self.narrow, self.words, self.twice, base, record)


def teller(plan: EventPlan, width: int) -> Teller:
    """Lay out a plan; `width` values go together, a multiple of its channels."""
    second, none = plan.second, np.zeros_like(plan.lost)
    again = (none,) * 3 if second is None else (second.factor, *masks(second.lost))
    words = (none,) * 2 if second is None else (second.constant, second.first)
    times = width // none.size
    lost, half = masks(plan.lost)
    narrow = np.stack([plan.low, plan.high, lost, half, lost >> 1, *again])
    return Teller(
        readonly(np.tile(narrow.astype(np.uint64).astype(np.uint32).view(np.int32), (1, times)), np.int32),
        readonly(np.tile(np.stack(words), (1, times)), np.int64),
        int(second is not None),
    )


@part
def _caused(kind: Int, value: Int, i: Int, narrow: npt.NDArray[np.int32], words: Words) -> Any:
    """Whether a value in column i causes an event, by the numbers of `records`' kinds."""
    if kind == 0:
        return value < narrow[LOW, i]
    if kind == 1:
        return value > narrow[HIGH, i]
    if kind <= 3:
        bits = np.int32(value) & narrow[LOST, i]
        return bits != 0 if kind == 2 else bits == narrow[HALF, i]
    product = value * np.int64(narrow[FACTOR, i])
    bits = np.int32((product + words[ADDED, i]) >> words[SHIFT, i]) & narrow[LOST_AGAIN, i]
    return bits != 0 if kind == 4 else bits == narrow[HALF_AGAIN, i]


@part
def _note(
    kind: Int,
    count: Int,
    values: Array,
    narrow: npt.NDArray[np.int32],
    words: Words,
    base: int,
    record: Words,
) -> None:
    """Add a chunk's count of one kind, and its first.

    Numbers come as int64, not as themselves: numba would compile this for each of them.
    """
    if count == 0:
        return
    record[COUNT + kind] += count
    if base < record[FIRST + kind]:
        i = np.int64(0)
        while not _caused(kind, np.int64(values[i]), i, narrow, words):
            i += 1
        record[FIRST + kind] = min(record[FIRST + kind], base + i)


@part
def _tell_beyond(
    values: Array, narrow: npt.NDArray[np.int32], words: Words, base: int, record: Words
) -> None:
    """Count values below and above the bounds."""
    low, high = narrow[LOW], narrow[HIGH]
    below, above = np.int32(0), np.int32(0)
    for i in range(values.shape[0]):
        value = np.int32(values[i])
        below += np.int32(value < low[i])
        above += np.int32(value > high[i])
    _note(np.int64(0), np.int64(below), values, narrow, words, base, record)
    _note(np.int64(1), np.int64(above), values, narrow, words, base, record)


@part
def _tell_special(
    values: Array, narrow: npt.NDArray[np.int32], words: Words, base: int, record: Words
) -> Any:
    """Count ties; returns how many values lose nothing."""
    lost, half = narrow[LOST], narrow[HALF]
    exact, ties = np.int32(0), np.int32(0)
    for i in range(values.shape[0]):
        bits = np.int32(values[i]) & lost[i]
        exact += np.int32(bits == 0)
        ties += np.int32(bits == half[i])
    _note(np.int64(3), np.int64(ties), values, narrow, words, base, record)
    return exact


@part
def tell_chunk(
    values: Array, narrow: npt.NDArray[np.int32], words: Words, twice: int, base: int, record: Words
) -> None:
    """Add the events of a chunk of values, at most as many as there are columns."""
    low, high, ends = narrow[LOW], narrow[HIGH], narrow[ENDS]
    least, greatest = np.int32(values[0]), np.int32(values[0])
    under, over, rest = np.int32(1), np.int32(0), np.uint32(1)
    for i in range(values.shape[0]):
        value = np.int32(values[i])
        least, greatest = min(least, value), max(greatest, value)
        under = min(under, np.int32(value >= low[i]))
        over = max(over, np.int32(value > high[i]))
        rest = min(rest, np.uint32(value & ends[i]))
    record[LOWEST], record[HIGHEST] = min(record[LOWEST], least), max(record[HIGHEST], greatest)
    if under == 0 or over > 0:
        _tell_beyond(values, narrow, words, base, record)
    exact = _tell_special(values, narrow, words, base, record) if rest == 0 else np.int32(0)
    _note(np.int64(2), values.shape[0] - exact, values, narrow, words, base, record)
    if twice == 1:
        factor, lost_again, half_again = narrow[FACTOR], narrow[LOST_AGAIN], narrow[HALF_AGAIN]
        added, shift = words[ADDED], words[SHIFT]
        exact, ties = np.int32(0), np.int32(0)
        for i in range(values.shape[0]):
            product = np.int64(np.int32(values[i])) * np.int64(factor[i])
            again = np.int32((product + added[i]) >> shift[i]) & lost_again[i]
            exact += np.int32(again == 0)
            ties += np.int32(again == half_again[i])
        _note(np.int64(4), values.shape[0] - exact, values, narrow, words, base, record)
        _note(np.int64(5), np.int64(ties), values, narrow, words, base, record)


@kernel(signatures=2)
def _tell(
    values: Array, narrow: npt.NDArray[np.int32], words: Words, twice: int, base: int, record: Words
) -> None:
    """Flat values, a chunk of columns at a time."""
    width = narrow.shape[1]
    for start in range(0, values.shape[0], width):
        stop = min(start + width, values.shape[0])
        tell_chunk(values[start:stop], narrow, words, twice, base + start, record)
