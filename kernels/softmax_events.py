"""The events of a softmax's rows, counted by distance to the greatest code: equal codes cause the same."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from npusim.kernels.direct.protocol import Bytes
from npusim.kernels.jit import kernel
from npusim.kernels.ops import ROUNDED, SATURATED_HIGH, SATURATED_LOW, TIE, Words, clamp_flags, shift_flags
from npusim.kernels.records import COUNT, FIRST
from npusim.kernels.softmax import DirectSoftmax
from npusim.spec.events import Event

KINDS = (
    (1, Event.ROUNDED),
    (1, Event.TIE),
    (2, Event.ROUNDED),
    (2, Event.TIE),
    (4, Event.SATURATED_LOW),
    (4, Event.SATURATED_HIGH),
)
"""Stage of the result's pipeline and event, in the order of a record."""

_CODES = 256
_DOUBLED = 31


class CountingSoftmax:
    """A softmax with its events counted; see `Counting`."""

    def __init__(self, direct: DirectSoftmax) -> None:
        self._direct, self._softmax = direct, direct.softmax
        self.units, self.scratch_bytes = direct.units, direct.scratch_bytes

    def run(
        self, inputs: Sequence[Bytes], out: Bytes, scratch: Bytes, first: int, last: int, record: Words
    ) -> None:
        """See `Counting.run`."""
        length, own = out.size // self.units, self._softmax
        ends = own.zero, own.low, own.high
        for row in range(first, last):
            start = row * length
            x, counts = inputs[0][start : start + length], np.zeros((2, _CODES), np.int64)
            greatest, total = tally_row(x, own.flip, own.thinned, counts)
            factor, shift = own.reciprocal(total)
            own.scale(x, greatest, factor, shift, out[start : start + length])
            count_row(own.exponentials, counts, factor, shift, *ends, start, record)


@kernel(signatures=1)
def tally_row(x: Bytes, flip: int, thinned: Words, counts: Words) -> tuple[int, int]:
    """The greatest code, unsigned, and the sum of what all codes' distances to it stand for.

    Parameters
    ----------
    counts : int64[2, 256]
        Zeros; by distance how many there are is written, and where first.
    """
    greatest = 0
    for i in range(x.shape[0]):
        greatest = max(greatest, int(x[i]) ^ flip)
    for i in range(x.shape[0] - 1, -1, -1):
        distance = greatest - (int(x[i]) ^ flip)
        counts[0, distance] += 1
        counts[1, distance] = i
    total = 0
    for distance in range(_CODES):
        total += counts[0, distance] * thinned[distance]
    return greatest, total


@kernel(signatures=1)
def count_row(
    exponentials: Words,
    counts: Words,
    factor: int,
    shift: int,
    zero: int,
    low: int,
    high: int,
    base: int,
    record: Words,
) -> None:
    """Add what a row's exponentials, each as often as counted, cause in the result's pipeline."""
    doubling, half = 1 << (_DOUBLED - 1), (1 << shift) >> 1
    below = half - 1 if half > 0 else 0
    for distance in range(_CODES):
        number = counts[0, distance]
        if number > 0:
            product = exponentials[distance] * factor
            once = shift_flags(product, doubling, doubling - 1)
            doubled = (product + doubling) >> _DOUBLED
            twice = shift_flags(doubled, half, below)
            value = ((doubled + half) >> shift) + zero
            beyond = clamp_flags(value, low, high, 0)
            where = base + counts[1, distance]
            caused = (
                once & ROUNDED,
                once & TIE,
                twice & ROUNDED,
                twice & TIE,
                beyond & SATURATED_LOW,
                beyond & SATURATED_HIGH,
            )
            for kind in range(len(caused)):
                if caused[kind] != 0:
                    record[COUNT + kind] += number
                    record[FIRST + kind] = min(record[FIRST + kind], where)
