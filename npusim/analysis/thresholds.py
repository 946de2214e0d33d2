"""The thresholds of monotone pipelines: found by bisection with the kernels, checked against the spec."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from npusim.analysis.rescale import Rescale, Words

_CHUNK_VALUES = 1 << 17
"""Bisections side by side: their words stay in the second-level cache."""
_NEAR = 2
"""How far from the straight line a threshold usually is, at most."""
_ROUNDS = 3
"""Rounds of bisection before finished channels are put aside."""


@dataclass(frozen=True, eq=False)
class Thresholds:
    """Where a nondecreasing pipeline reaches each code, on a range of accumulators.

    Attributes
    ----------
    least
        The code that row 0 speaks of, less one: `table[r]` is of the code ``least + 1 + r``.
    table : int64[codes, channels]
        The least accumulator with at least this code; one beyond the range where there is none.
    """

    least: int
    table: Words


def ends(rescale: Rescale, low: Words, high: Words) -> tuple[Words, Words]:
    """The codes at both ends of each channel's range, int64[channels]."""
    made = rescale.run(np.stack([low, high])).astype(np.int64)
    return made[0], made[1]


def thresholds(
    rescale: Rescale, low: Words, high: Words, codes: range, like: Thresholds | None = None
) -> Thresholds:
    """Find the thresholds of the codes of `codes` after the first.

    Parameters
    ----------
    rescale
        Nondecreasing on the range in every channel.
    low, high : int64[channels]
        The accumulators, both ends included.
    codes
        Every code it makes there, and maybe more.
    like
        Thresholds to try first, of the same codes.
    """
    table = np.empty((max(len(codes) - 1, 0), rescale.channels), np.int64)
    if not len(table):
        return Thresholds(codes.start, table)
    size = max(1, _CHUNK_VALUES // len(table))

    def find(start: int) -> None:
        chosen = slice(start, start + size)
        search = _Search(rescale.columns(chosen), low[chosen], high[chosen], codes)
        guess = None if like is None else like.table[:, chosen]
        table[:, chosen] = guess if guess is not None and search.right(guess) else search.run()

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(find, range(0, rescale.channels, size)))
    return Thresholds(codes.start, table)


class _Search:
    """Bisections of all codes of some channels, side by side."""

    def __init__(self, rescale: Rescale, low: Words, high: Words, codes: range) -> None:
        self.rescale, self.low, self.high = rescale, low, high
        self.first, self.count = codes.start + 1, len(codes) - 1

    def right(self, table: Words) -> bool:
        """Whether a table is this pipeline's: thresholds reach their codes, the values before them do not."""
        wanted = np.arange(self.first, self.first + self.count)[:, None]
        enough = _reaches(self.rescale, table, wanted, self.high)
        too_early = (table > self.low) & _reaches(
            self.rescale, np.maximum(table - 1, self.low), wanted, self.high
        )
        return bool(enough.all() and not too_early.any())

    def run(self) -> Words:
        """The first and last code of each channel first; rescales are nearly straight between them."""
        least, most = ends(self.rescale, self.low, self.high)
        outer = np.stack([np.minimum(least + 1, most), most])
        below, above = (np.broadcast_to(end, outer.shape).copy() for end in (self.low, self.high))
        self._finish(below, above, outer)
        wanted = np.arange(self.first, self.first + self.count)[:, None]
        steepness = (above[1] - above[0]) / np.maximum(outer[1] - outer[0], 1)
        guess = above[0] + np.rint((wanted - outer[0]) * steepness).astype(np.int64)
        start: Words = above[0] + 0 * wanted
        stop: Words = above[1] + 0 * wanted
        np.copyto(start, self.low, where=wanted <= least)
        np.copyto(start, self.high + 1, where=wanted > most)
        np.copyto(stop, start, where=(wanted <= least) | (wanted > most))
        for middle in (guess + _NEAR, guess - _NEAR):
            _narrow(start, stop, np.clip(middle, start, stop), wanted, self.rescale, self.high)
        self._finish(start, stop, wanted)
        return stop

    def _finish(self, below: Words, above: Words, wanted: Words) -> None:
        """Bisect until both ends meet, in place."""
        wanted = np.broadcast_to(wanted, below.shape)
        while True:
            active = np.flatnonzero((below < above).any(axis=0))
            if not active.size:
                return
            part, high = self.rescale.columns(active), self.high[active]
            least, most, codes = below[:, active], above[:, active], wanted[:, active]
            for _ in range(_ROUNDS):
                _narrow(least, most, (least + most) >> 1, codes, part, high)
            below[:, active], above[:, active] = least, most


def _reaches(rescale: Rescale, values: Words, wanted: Words, high: Words) -> npt.NDArray[np.bool_]:
    """Whether values make at least the wanted codes; values beyond the range count as if they did."""
    made: npt.NDArray[np.bool_] = (rescale.run(np.minimum(values, high)) >= wanted) | (values > high)
    return made


def _narrow(below: Words, above: Words, middle: Words, wanted: Words, rescale: Rescale, high: Words) -> None:
    """One round of bisection, in place: `below` moves up past `middle`, or `above` down to it."""
    open_ = below < above
    reached = _reaches(rescale, middle, wanted, high)
    np.copyto(above, middle, where=reached & open_)
    np.copyto(below, np.minimum(middle + 1, above), where=~reached & open_)


def confirm(rescale: Rescale, found: Thresholds, low: Words, high: Words) -> int:
    """Ask the spec at both sides of one threshold of each channel, the middle one of those in its range.

    Returns
    -------
    int
        At how many accumulators the spec was asked.

    Raises
    ------
    AssertionError
        If spec and kernels disagree: a defect of npusim.
    """
    if not len(found.table):
        return 0
    inside = (found.table > low) & (found.table <= high)
    channels = np.flatnonzero(inside.any(axis=0))
    rows = inside.argmax(axis=0) + inside.sum(axis=0) // 2
    for channel in channels.tolist():
        row = int(min(rows[channel], len(found.table) - 1))
        at, code = int(found.table[row, channel]), found.least + 1 + row
        if not rescale.spec(at - 1, channel) < code <= rescale.spec(at, channel):
            raise AssertionError(f"spec and kernels disagree near the accumulator {at} on the code {code}")
    return 2 * len(channels)


def unique_rows(*parts: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Which rows stand for all, and for each row the one that stands for it."""
    _, first, inverse = np.unique(
        np.concatenate(parts, axis=1), axis=0, return_index=True, return_inverse=True
    )
    return first, inverse.reshape(-1)
