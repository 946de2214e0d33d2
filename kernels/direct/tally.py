"""Events counted on the way: by vector of sums, until they are read."""

from __future__ import annotations

import numpy as np

from npusim.kernels.direct.layout import FinishConstants
from npusim.kernels.emit.count import ABOVE, BELOW, COUNTER_ROWS, HIGHEST, LOWEST, ROUNDED, TIE
from npusim.kernels.jit import Array, part
from npusim.kernels.ops import Words

NOBODY = np.iinfo(np.int64).max

NO_LOWEST, NO_HIGHEST = 0x7FFFFFFF7FFFFFFF, -0x7FFFFFFF80000000
"""Two int32 lanes each: before the first sum."""

NOT_COUNTED = np.zeros((0, COUNTER_ROWS, 8), np.int64)
"""In place of counters: nothing is counted."""


class Tally:
    """One call's counters for one group of channels.

    Attributes
    ----------
    counters : int64[vectors, COUNTER_ROWS, 8]
        Laid out as `emit.count` says.
    since : int64[4]
        Rounded, ties, below and above the bounds: no unit before this one had the event.
    """

    def __init__(self, finish: FinishConstants) -> None:
        vectors = finish.rows.shape[0]
        self.counters = np.zeros((vectors, COUNTER_ROWS, 8), np.int64)
        self.counters[:, LOWEST], self.counters[:, HIGHEST] = NO_LOWEST, NO_HIGHEST
        self.since = np.full(4, NOBODY, np.int64)
        self._used = finish.used

    def _lanes(self) -> Array:
        return self.counters.view(np.int32).reshape(-1, COUNTER_ROWS, 16)

    @property
    def counts(self) -> list[int]:
        """How often: rounded, ties, below, above."""
        lanes = self._lanes()
        wide = [int(self.counters[:, [row, row + 1]].sum()) for row in (ROUNDED, TIE)]
        return wide + [int(lanes[:, row][self._used].sum(dtype=np.int64)) for row in (BELOW, ABOVE)]

    @property
    def range(self) -> tuple[int, int]:
        """The least and greatest sum."""
        lanes = self._lanes()
        return int(lanes[:, LOWEST][self._used].min()), int(lanes[:, HIGHEST][self._used].max())


@part
def mark(counters: Words, since: Words, unit: int) -> None:
    """Note `unit` for every event that has happened, and had not before."""
    for kind in range(2):
        if since[kind] == NOBODY:
            total = 0
            for v in range(counters.shape[0]):
                even, odd = counters[v, ROUNDED + 2 * kind], counters[v, ROUNDED + 2 * kind + 1]
                for i in range(8):
                    total += even[i] + odd[i]
            if total > 0:
                since[kind] = unit
    for kind in range(2):
        if since[2 + kind] == NOBODY:
            any_bit = 0
            for v in range(counters.shape[0]):
                for i in range(8):
                    any_bit |= counters[v, BELOW + kind, i]
            if any_bit != 0:
                since[2 + kind] = unit


@part
def merge_lanes(lanes: Words, order: Words, left: int, into: Words) -> None:
    """Add the counters of one stretch's vectors, but only of its first `left` codes.

    Parameters
    ----------
    lanes, into : int64[vectors, COUNTER_ROWS, 8]
    order : int64[vectors, 16]
        Which code of the stretch each lane holds.
    """
    narrow, narrow_into = lanes.view(np.int32), into.view(np.int32)
    for v in range(order.shape[0]):
        for i in range(16):
            if order[v, i] < left:
                narrow_into[v, BELOW, i] += narrow[v, BELOW, i]
                narrow_into[v, ABOVE, i] += narrow[v, ABOVE, i]
                narrow_into[v, LOWEST, i] = min(narrow_into[v, LOWEST, i], narrow[v, LOWEST, i])
                narrow_into[v, HIGHEST, i] = max(narrow_into[v, HIGHEST, i], narrow[v, HIGHEST, i])
                into[v, ROUNDED + i % 2, i // 2] += lanes[v, ROUNDED + i % 2, i // 2]
                into[v, TIE + i % 2, i // 2] += lanes[v, TIE + i % 2, i // 2]
