"""The thresholds of monotone pipelines: found by bisection with the kernels, checked against the spec."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from npusim.analysis.rescale import Rescale, Words

_CHUNK_VALUES = 1 << 17
"""Bisections side by side: their words stay in the second-level cache."""


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


def thresholds(rescale: Rescale, low: Words, high: Words, codes: range) -> Thresholds:
    """Find the thresholds of the codes of `codes` after the first.

    Parameters
    ----------
    rescale
        Nondecreasing on the range in every channel.
    low, high : int64[channels]
        The accumulators, both ends included.
    codes
        Every code it makes there, and maybe more.
    """
    table = np.empty((max(len(codes) - 1, 0), rescale.channels), np.int64)
    if table.shape[0]:
        size = max(1, _CHUNK_VALUES // table.shape[0])
        for start in range(0, rescale.channels, size):
            chosen = slice(start, start + size)
            wanted = np.arange(codes.start + 1, codes.stop)[:, None]
            table[:, chosen] = _bisect(rescale.columns(chosen), low[chosen], high[chosen], wanted)
    return Thresholds(codes.start, table)


def _bisect(rescale: Rescale, low: Words, high: Words, wanted: Words) -> Words:
    shape = (len(wanted), rescale.channels)
    below, above = np.broadcast_to(low, shape).copy(), np.broadcast_to(high + 1, shape).copy()
    for _ in range(int((high - low).max() + 1).bit_length()):
        middle = (below + above) >> 1
        reached = rescale.run(np.minimum(middle, high)) >= wanted
        reached |= middle > high
        np.copyto(above, middle, where=reached)
        np.copyto(below, np.minimum(middle + 1, above), where=~reached)
    return above


def confirm(rescale: Rescale, found: Thresholds, low: Words, high: Words) -> int:
    """Check with the spec, at both sides of each channel's first and last threshold.

    Returns
    -------
    int
        At how many accumulators the spec was asked.

    Raises
    ------
    AssertionError
        If spec and kernels disagree: a defect of npusim.
    """
    asked = 0
    inside = (found.table > low) & (found.table <= high)
    rows = np.where(inside, np.arange(len(found.table))[:, None], -1)
    firsts = np.where(inside.any(axis=0), inside.argmax(axis=0), -1) if len(rows) else np.full(len(low), -1)
    lasts = rows.max(axis=0, initial=-1)
    for channel in np.flatnonzero(lasts >= 0):
        for row in {int(firsts[channel]), int(lasts[channel])}:
            at, code = int(found.table[row, channel]), found.least + 1 + row
            asked += 2
            if not rescale.spec(at - 1, int(channel)) < code <= rescale.spec(at, int(channel)):
                raise AssertionError(f"spec and kernels disagree near the accumulator {at} on the code {code}")
    return asked


def unique_rows(*parts: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Which rows stand for all, and for each row the one that stands for it."""
    _, first, inverse = np.unique(np.concatenate(parts, axis=1), axis=0, return_index=True, return_inverse=True)
    return first, inverse.reshape(-1)
