"""Exact accumulator ranges: final, and over every prefix of the declared loop nest (A4, A5, A6)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from npusim.analysis.columns import Columns, PixelClass
from npusim.errors import InputError
from npusim.spec.interval import Interval
from npusim.spec.mac import BiasPlace

Words = npt.NDArray[np.int64]

_POWERS = np.left_shift(np.int64(1), np.arange(63, dtype=np.int64))
_LIMIT = 1 << 62


class End(StrEnum):
    """Which end of a range."""

    LOW = "low"
    HIGH = "high"


class Moment(StrEnum):
    """Which values of an accumulator a range speaks of."""

    FINAL = "final"
    """After the last beat and the late bias."""
    PREFIX = "prefix"
    """After any write, the start included."""


@dataclass(frozen=True, eq=False)
class Extreme:
    """One end of every output channel's range, and where it is reached.

    Attributes
    ----------
    value : int64[O]
    pixel_class : int64[O]
        Index into `Columns.classes`.
    beats : int64[O]
        After so many beats; one more than there are beats: after the late bias.
    """

    value: Words
    pixel_class: Words
    beats: Words

    def better(self, value: Words, pixel_class: int, beats: Words, end: End) -> Extreme:
        """The farther of this and another, channel by channel."""
        wins = value < self.value if end is End.LOW else value > self.value
        return Extreme(
            np.where(wins, value, self.value),
            np.where(wins, pixel_class, self.pixel_class),
            np.where(wins, beats, self.beats),
        )


@dataclass(frozen=True, eq=False)
class Bounds:
    """The exact range of every output channel's accumulator over a range of input codes.

    Exact: without any register, and each end is reached by some input. Prefixes that follow an
    overflow would be other values; that there is none is what the range proves.

    Attributes
    ----------
    codes
        The input codes.
    ends
        Each end at each moment.
    tree
        The hull of all beats' sums.
    """

    codes: Interval
    ends: dict[tuple[Moment, End], Extreme]
    tree: Interval

    def low(self, moment: Moment) -> Words:
        """The least values, int64[O]."""
        return self.ends[moment, End.LOW].value

    def high(self, moment: Moment) -> Words:
        """The greatest values, int64[O]."""
        return self.ends[moment, End.HIGH].value

    def hull(self, moment: Moment) -> Interval:
        """Over all channels."""
        return Interval(int(self.low(moment).min()), int(self.high(moment).max()))

    def bits(self, moment: Moment) -> Words:
        """The least signed width that holds each channel's range, int64[O]."""
        return signed_bits(self.low(moment), self.high(moment))


def signed_bits(low: Words, high: Words) -> Words:
    """`spec.width.bits_for`, for arrays.

    Examples
    --------
    >>> signed_bits(np.array([-128, 0, 0]), np.array([127, 128, 0])).tolist()
    [8, 9, 1]
    """
    magnitude = np.maximum(np.where(low >= 0, low, ~low), np.where(high >= 0, high, ~high))
    bits: Words = np.searchsorted(_POWERS, magnitude, side="right").astype(np.int64) + 1
    return bits


def bounds(columns: Columns, codes: Interval) -> Bounds:
    """The exact ranges, over all inputs whose codes lie in `codes` (padding holds its own code).

    Raises
    ------
    InputError
        If a range may leave 62 bits.
    """
    positive, negative = columns.parts
    least, most, pad = (code - columns.taken_off for code in (codes.low, codes.high, columns.pad_code))
    _check_width(columns, max(abs(least), abs(most), abs(pad)))
    lows = positive * least + negative * most
    highs = positive * most + negative * least
    padded = (positive + negative) * pad
    start = np.zeros_like(columns.bias) if columns.bias_place is BiasPlace.LATE else columns.bias
    none = np.zeros(columns.outputs, np.int64)
    ends = {(Moment.PREFIX, end): Extreme(start, none, none) for end in End}
    tree = []
    for index, seen in enumerate(columns.classes):
        for end, cells in ((End.LOW, lows), (End.HIGH, highs)):
            beats = columns.beats(np.where(seen.inside[:, None], cells, padded))
            tree += [int(beats.min()), int(beats.max())]
            _see(ends, columns, start[:, None] + np.cumsum(beats, axis=1), index, end)
    return Bounds(codes, ends, Interval(min(tree), max(tree)))


def _see(
    ends: dict[tuple[Moment, End], Extreme], columns: Columns, sums: Words, index: int, end: End
) -> None:
    """Take one pixel class's extreme running sums into account."""
    count = sums.shape[1]
    farthest = sums.argmin(axis=1) if end is End.LOW else sums.argmax(axis=1)
    prefix = np.take_along_axis(sums, farthest[:, None], axis=1)[:, 0]
    final, when = sums[:, -1], np.full(columns.outputs, count)
    ends[Moment.PREFIX, end] = ends[Moment.PREFIX, end].better(prefix, index, farthest + 1, end)
    if columns.bias_place is BiasPlace.LATE:
        final, when = final + columns.bias, when + 1
        ends[Moment.PREFIX, end] = ends[Moment.PREFIX, end].better(final, index, when, end)
    known = ends.get((Moment.FINAL, end), Extreme(final, np.full(columns.outputs, index), when))
    ends[Moment.FINAL, end] = known.better(final, index, when, end)


def _check_width(columns: Columns, greatest_code: int) -> None:
    positive, negative = columns.parts
    weights = int((positive - negative).sum(axis=(1, 2)).max())
    reach = weights * greatest_code + max(abs(int(columns.bias.min())), abs(int(columns.bias.max())))
    if reach >= _LIMIT:
        raise InputError(
            "accumulators may leave 62 bits: nothing is proven", key="weights", found=f"up to {reach}"
        )


@dataclass(frozen=True)
class Witness:
    """An input that takes one accumulator to one end of its range.

    Attributes
    ----------
    pixel, channel
        The output.
    value
        What its accumulator holds after `beats` beats (one more than there are: after the late bias).
    codes
        The whole input, of the input's shape as an image (rows, columns, channels).
    """

    end: End
    moment: Moment
    pixel: tuple[int, int]
    channel: int
    value: int
    beats: int
    codes: Words


def witness(columns: Columns, found: Bounds, channel: int, moment: Moment, end: End) -> Witness:
    """The input that reaches one end of one channel's range.

    Codes that do not matter are the zero point's, or the nearest one in range.
    """
    extreme = found.ends[moment, end]
    beats = int(extreme.beats[channel])
    seen = columns.classes[int(extreme.pixel_class[channel])]
    least, most = found.codes.low, found.codes.high
    codes = np.full(columns.size, min(max(columns.pad_code, least), most), np.int64)
    zero = np.broadcast_to(np.asarray(columns.weight_zero, np.int64), (columns.outputs,))
    weights = columns.weights[channel].astype(np.int64).reshape(columns.taps, -1) - zero[channel]
    earlier = weights if columns.before is None else columns.before.weights[channel].reshape(weights.shape)
    sign = 1 if end is End.HIGH else -1
    first = columns.first_channel(channel)
    for tap in np.flatnonzero(seen.inside):
        row, column = _read(columns, seen, int(tap))
        for ci in range(weights.shape[1]):
            added = columns.beat_of(int(tap), ci) < beats
            weight = weights[tap, ci] if added else earlier[tap, ci]
            if weight and (added or columns.before is not None):
                codes[row, column, first + ci] = most if weight * sign > 0 else least
    return Witness(end, moment, seen.pixel, channel, int(extreme.value[channel]), beats, codes)


def _read(columns: Columns, seen: PixelClass, tap: int) -> tuple[int, int]:
    ky, kx = divmod(tap, columns.window.kernel[1])
    return columns.window.at(*seen.pixel, ky, kx)
