"""A rescale's constants as `emit.rescale` reads them, and the proof that it may."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from npusim.kernels.emit.registers import COUNT, VECTOR
from npusim.kernels.emit.rescale import (
    ADDEND,
    CONSTANT_ROWS,
    FACTOR,
    FIRST,
    LIFT,
    NEGATIVE,
    SECOND,
    SHIFT,
    START,
    WIDE_SHIFT,
    ZERO_WITHIN,
    Form,
)
from npusim.kernels.fuse import Correction, FusedRescale, Small
from npusim.kernels.jit import readonly
from npusim.kernels.ops import Words
from npusim.kernels.plan import Plan
from npusim.kernels.tiled.weights import aligned

_ROOM = 1 << 63
_HALF_WORD = 32
_FACTOR_BITS = 16
_FACTORS = 1 << _FACTOR_BITS
"""Of `Form.HALVES`: factors are below, and constants are multiples of it."""
_SIGN = 128
MOST_ZERO = 1 << 14
"""A zero point that cannot bring a value that saturated 16 bits back to the codes."""


@dataclass(frozen=True, eq=False)
class RescaleConstants:
    """What turns sums into codes.

    Attributes
    ----------
    rows : uint8[vectors, CONSTANT_ROWS, VECTOR]
        By vector of channels.
    ends
        The zero point, unless rows have it; the clamp's bounds; what int8 codes are xored with: 128 makes
        uint8 of them. One for all channels, as `emit.rescale.Ends` reads them.
    scaled : int64[channels]
        What sums are multiplied by: before the high halves are taken, or in 64 bits. None in `Form.REAL`.
    added : int64[channels]
        What is added to high halves.
    """

    rows: npt.NDArray[np.uint8]
    form: Form
    ends: tuple[int, int, int, int]
    scaled: Words
    added: Words


def rescale_constants(
    plan: Plan,
    reach: int,
    order: npt.NDArray[np.int64],
    start: Words,
    codes: np.dtype[np.generic],
    without: Container[Form] = (),
) -> RescaleConstants | None:
    """The constants for a plan, if they are proven to do what it says.

    Parameters
    ----------
    reach
        The greatest magnitude of any sum, proven for the whole code range.
    order : int64[lanes]
        Which channel each lane holds; whole vectors.
    start : int64[channels]
        What the sums start from, modulo 2**32.
    codes
        What comes out: int8 or uint8.
    without
        Forms that are not wanted; those of 64 bits always are.

    Returns
    -------
    RescaleConstants or None
        None if the pipeline is not the common list, bounds differ between channels, or 64 bits before
        the shift or 32 behind it could be left.
    """
    fused = plan.fused
    if fused is None or reach > fused.limit or codes.itemsize != 1 or reach >= 1 << 31:
        return None
    small = fused.small[:, : plan.channels].astype(np.int64)
    low, high = small[Small.LOW], small[Small.HIGH]
    limits = np.iinfo(codes.type)  # type: ignore[type-var]
    if np.ptp(low) or np.ptp(high) or not limits.min <= low[0] <= high[0] <= limits.max:
        return None
    flip = _SIGN if limits.min == 0 else 0
    zero = small[Small.ZERO] - flip
    for folded, left in ((zero, 0), (0 * zero, int(zero[0]))):
        rounded = _Rounded.of(fused, plan.channels, reach, small[Small.FACTOR], folded)
        if rounded is None or (left and (np.ptp(zero) or abs(left) > MOST_ZERO)):
            continue
        form, rows, scaled, added = rounded.laid_out(order.reshape(-1, COUNT), without)
        if form in ZERO_WITHIN and left:
            continue
        _set(rows, START, order, start.astype(np.int32))
        ends = left, int(low[0]) - flip, int(high[0]) - flip, flip
        return RescaleConstants(
            aligned(rows.view(np.uint8)), form, ends, *(readonly(each, np.int64) for each in (scaled, added))
        )
    return None


@dataclass(frozen=True, eq=False)
class _Rounded:
    """``(p * factor + first + correction) >> shift`` by channel; `second` is what the correction adds."""

    factor: Words
    shift: Words
    first: Words
    second: Words
    correction: Correction
    greatest: Words
    """Of the product's magnitude."""
    reach: int

    @classmethod
    def of(
        cls, fused: FusedRescale, channels: int, reach: int, factor: Words, zero: Words
    ) -> _Rounded | None:
        greatest = np.maximum(np.abs(factor) * reach, 1)
        found = fused.shifts.constants(int(greatest.max()).bit_length())
        shift, first, second = (values[:channels] for values in found)
        lifted = [int(each) << int(n) for each, n in zip(zero, shift, strict=True)]
        most = max(map(abs, lifted)) + int(np.abs(first).max()) + int(np.abs(second).max())
        behind = max(
            (int(p) >> int(n)) + abs(int(each)) + 2 for p, each, n in zip(greatest, zero, shift, strict=True)
        )
        if int(greatest.max()) + most >= _ROOM or behind >= 1 << 31:
            return None
        first = first + np.array(lifted, np.int64)
        return cls(factor, shift, first, second, fused.correction, greatest, reach)

    def laid_out(
        self, lanes: npt.NDArray[np.int64], without: Container[Form]
    ) -> tuple[Form, npt.NDArray[np.int64], Words, Words]:
        """The best form but some, its rows : int64[vectors, CONSTANT_ROWS, COUNT / 2], factors, addends."""
        rows = np.zeros((lanes.shape[0], CONSTANT_ROWS, VECTOR // 8), np.int64)
        if self.correction is Correction.BY_LAST:
            self._wide(rows, lanes, self.second)
            return Form.WIDE_LAST, rows, self.factor, 0 * self.factor
        if Form.HALVES not in without and self._fits_halves:
            self._halves(rows, lanes)
            return Form.HALVES, rows, self.factor, 0 * self.factor
        for form, least, lift in ((Form.HIGH, _HALF_WORD + 1, 0), (Form.HIGH_SIGNED, _HALF_WORD, LIFT)):
            power = lift + np.clip(least - self.shift - lift, 0, self._room(lift))
            first, second = np.left_shift(self.first, power), np.left_shift(self.second, power)
            if form in without or not self._has_high_halves(form, power, first, second):
                continue
            _set_pair(rows, FACTOR, lanes, np.left_shift(self.factor, power - lift))
            _set(rows, SHIFT, lanes, (self.shift + power - _HALF_WORD).astype(np.int32))
            _set(rows, ADDEND, lanes, (first >> _HALF_WORD).astype(np.int32))
            _set(rows, NEGATIVE, lanes, (second >> _HALF_WORD).astype(np.int32))
            return form, rows, np.left_shift(self.factor, power), first >> _HALF_WORD
        self._wide(rows, lanes, self.first + self.second)
        return Form.WIDE_SIGNED, rows, self.factor, 0 * self.factor

    @cached_property
    def _fits_halves(self) -> bool:
        """Whether factors have 16 bits, constants none below 16, and all that is behind fits 32."""
        if self.correction is not Correction.NONE or self.factor.min() < 1 or self.factor.max() >= _FACTORS:
            return False
        power = _FACTOR_BITS - _bits(self.factor)
        whole = self.greatest + np.abs(self.first)
        held = np.all(whole < (1 << (31 + _FACTOR_BITS - power)) - _FACTORS)
        return bool(
            held
            and not np.any(np.left_shift(self.first, power) % _FACTORS)
            and np.all(self.shift + power >= _FACTOR_BITS)
        )

    def _halves(self, rows: npt.NDArray[np.int64], lanes: npt.NDArray[np.int64]) -> None:
        power = _FACTOR_BITS - _bits(self.factor)
        factor = np.left_shift(self.factor, power)
        high = np.left_shift(factor - _FACTORS, _FACTOR_BITS)
        first = np.left_shift(self.first, power) >> _FACTOR_BITS
        for row, values in (
            (FACTOR, factor),
            (FACTOR + 1, high),
            (SHIFT, self.shift + power - _FACTOR_BITS),
            (ADDEND, first),
        ):
            _set(rows, row, lanes, values.astype(np.int32))

    def _wide(self, rows: npt.NDArray[np.int64], lanes: npt.NDArray[np.int64], second: Words) -> None:
        pairs = (FACTOR, self.factor), (FIRST, self.first), (SECOND, second), (WIDE_SHIFT, self.shift)
        for row, values in pairs:
            _set_pair(rows, row, lanes, values)

    def _has_high_halves(self, form: Form, power: Words, first: Words, second: Words) -> bool:
        """Whether constants have nothing but high halves, and nothing is left of 64 bits."""
        whole = not np.any(first % (1 << _HALF_WORD)) and not np.any(second % (1 << _HALF_WORD))
        if not whole or np.any(self.shift + power < _HALF_WORD) or np.any(power > self._free):
            return False
        if form is Form.HIGH:
            return self.correction is Correction.NONE
        # The sign of a sum is asked: factors must not change it.
        return self.reach < 1 << (31 - LIFT) and not np.any(self.factor < 0)

    @cached_property
    def _free(self) -> Words:
        """By which power of two products, constants and shift may be multiplied."""
        whole = self.greatest + np.abs(self.first) + np.abs(self.second)
        return 63 - np.maximum(_bits(whole), self.shift)

    def _room(self, lift: int) -> Words:
        """By which power of two factors may be multiplied, if sums are multiplied by 2**lift."""
        return np.maximum(np.minimum(self._free - lift, 31 - _bits(np.abs(self.factor))), 0)


def _bits(values: Words) -> Words:
    """The length of numbers of zero or more, or one more for a few beyond 2**53."""
    return np.frexp(values)[1].astype(np.int64)


def _set_pair(rows: npt.NDArray[np.int64], row: int, lanes: npt.NDArray[np.int64], values: Words) -> None:
    laid = values[lanes]
    rows[:, row], rows[:, row + 1] = laid[:, ::2], laid[:, 1::2]


def _set(
    rows: npt.NDArray[np.int64], row: int, lanes: npt.NDArray[np.int64], values: npt.NDArray[np.int32]
) -> None:
    rows[:, row] = np.ascontiguousarray(values[lanes.reshape(-1, COUNT)]).view(np.int64)
