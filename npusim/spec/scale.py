"""The scale recipe: how a real multiplier becomes register fields. Part of the datapath."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from math import prod

from npusim.spec.floats import BINARY32, BINARY64, FloatFormat
from npusim.spec.interval import Interval
from npusim.spec.rounding import Rounding, divide, shift_right
from npusim.spec.stages.base import STRICT, Ranges


class Underflow(StrEnum):
    """What becomes of a scale too small for a normalised multiplier at the greatest shift."""

    DENORMALIZE = "denormalize"
    """The greatest shift, with as much of the multiplier as is left."""
    ZERO = "zero"
    """Multiplier zero, shift `zero_shift`."""
    ERROR = "error"
    """The program is refused."""


class ScaleOverflow(StrEnum):
    """What becomes of a scale too large for a normalised multiplier at the least shift."""

    ERROR = "error"
    """The program is refused."""
    SATURATE = "saturate"
    """The least shift and the greatest multiplier."""
    ZERO = "zero"
    """Multiplier zero, shift `zero_shift`: as some compilers do."""


class Precision(StrEnum):
    """In which arithmetic a real multiplier is computed from tensor scales."""

    EXACT = "exact"
    FLOAT64 = "float64"
    """Scales, products and quotient each rounded to binary64."""
    FLOAT32 = "float32"
    """Scales, products and quotient each rounded to binary32."""
    FLOAT32_PRODUCT = "float32_product"
    """Products rounded to binary32, the quotient to binary64."""


class Part(StrEnum):
    """What a field is given of ``real ~ multiplier * 2**-shift``; p is the recipe's `pivot`."""

    MULTIPLIER = "multiplier"
    SHIFT = "shift"
    LEFT = "left"
    """max(p - shift, 0): what is shifted left before a fixed right shift by p."""
    RIGHT = "right"
    """max(shift - p, 0): what is left of the shift after the first p."""
    FIRST = "first"
    """min(shift, p)."""
    SHORT_MULTIPLIER = "short_multiplier"
    """The multiplier without its low `dropped_bits`, by half_up, saturating."""
    SHORT_SHIFT = "short_shift"
    """The shift that goes with it: less by as many."""
    FLOAT32 = "float32"
    """The bits of the binary32 nearest to the real multiplier."""
    FLOAT64 = "float64"
    """The bits of the binary64 nearest to the real multiplier."""


_DEFAULT_FILLS: Mapping[str, Part] = {"multiplier": Part.MULTIPLIER, "shift": Part.SHIFT}
_FLOATS = {Part.FLOAT32: BINARY32, Part.FLOAT64: BINARY64}
_FREE = Interval(-4096, 4096)
"""Shifts that no field limits."""


@dataclass(frozen=True, kw_only=True)
class ScaleRecipe:
    """``real ~ multiplier * 2**-shift`` with a normalised multiplier, and which fields hold what of it.

    Parameters
    ----------
    magnitude_bits
        b: the multiplier lies in 2**(b-1) .. 2**b - 1.
    rounding
        Of the multiplier.
    precision
        Of the real multiplier itself.
    dropped_bits
        Low bits that a short multiplier lacks: TFLite's 16-bit multipliers are made so from 31-bit ones.
    least_shift, greatest_shift
        Limits of the shift beyond those that the fields set.
    zero_shift
        The shift that goes with a zero multiplier; None: the least.
    pivot
        Where `left`, `right` and `first` split the shift.
    fills
        By field what it is given; None: ``multiplier`` and ``shift``, where the datapath has them.
    """

    __pydantic_config__ = STRICT

    magnitude_bits: int
    rounding: Rounding = Rounding.HALF_EVEN
    underflow: Underflow = Underflow.DENORMALIZE
    overflow: ScaleOverflow = ScaleOverflow.ERROR
    precision: Precision = Precision.EXACT
    dropped_bits: int = 0
    least_shift: int | None = None
    greatest_shift: int | None = None
    zero_shift: int | None = None
    pivot: int = 0
    fills: dict[str, Part] | None = None

    @property
    def parts(self) -> Mapping[str, Part]:
        """By field what it is given."""
        return _DEFAULT_FILLS if self.fills is None else self.fills

    @property
    def multipliers(self) -> list[str]:
        """The fields that hold the multiplier in some form."""
        shifts = {Part.SHIFT, Part.LEFT, Part.RIGHT, Part.FIRST, Part.SHORT_SHIFT}
        return [name for name, part in self.parts.items() if part not in shifts]

    @property
    def greatest(self) -> Mapping[Part, int]:
        """The greatest whole and the greatest short multiplier."""
        short = self.magnitude_bits - self.dropped_bits
        return {Part.MULTIPLIER: (1 << self.magnitude_bits) - 1, Part.SHORT_MULTIPLIER: (1 << short) - 1}


def real_multiplier(factors: Sequence[Fraction], divisor: Fraction, precision: Precision) -> Fraction:
    """The product of scales, divided by a scale: left to right, in the recipe's arithmetic.

    Examples
    --------
    >>> real_multiplier([Fraction(1, 10), Fraction(1, 10)], Fraction(1, 10), Precision.EXACT)
    Fraction(1, 10)
    """
    if precision is Precision.EXACT:
        return prod(factors, start=Fraction(1)) / divisor
    product = BINARY64 if precision is Precision.FLOAT64 else BINARY32
    quotient = BINARY32 if precision is Precision.FLOAT32 else BINARY64
    made = Fraction(1)
    for factor in factors:
        made = _rounded(made * _rounded(factor, product), product)
    return _rounded(made / _rounded(divisor, quotient), quotient)


def _rounded(real: Fraction, form: FloatFormat) -> Fraction:
    significand, exponent = form.decode(form.encode(real))
    return significand * Fraction(2) ** exponent


def shift_limits(recipe: ScaleRecipe, ranges: Ranges) -> Interval:
    """Which shifts the fields hold and the recipe allows."""
    parts = {part: ranges[name] for name, part in recipe.parts.items() if name in ranges}
    limits = [_FREE]
    if Part.SHIFT in parts:
        limits.append(parts[Part.SHIFT])
    if Part.SHORT_SHIFT in parts:
        limits.append(parts[Part.SHORT_SHIFT] + Interval(recipe.dropped_bits, recipe.dropped_bits))
    if {Part.LEFT, Part.RIGHT, Part.FIRST} & parts.keys():
        # Without a field for one side of the pivot the shift cannot go there.
        least = parts[Part.FIRST].low if Part.FIRST in parts else recipe.pivot
        low = recipe.pivot - parts[Part.LEFT].high if Part.LEFT in parts else least
        limits.append(Interval(low, recipe.pivot + (parts[Part.RIGHT].high if Part.RIGHT in parts else 0)))
    if recipe.least_shift is not None:
        limits.append(Interval(recipe.least_shift, _FREE.high))
    if recipe.greatest_shift is not None:
        limits.append(Interval(_FREE.low, recipe.greatest_shift))
    return Interval(max(each.low for each in limits), min(each.high for each in limits))


def fill(real: Fraction, recipe: ScaleRecipe, ranges: Ranges) -> dict[str, int]:
    """The fields of one real multiplier.

    Raises
    ------
    ArithmeticError
        If the fields cannot hold it and the recipe says that this is an error.

    Examples
    --------
    >>> recipe = ScaleRecipe(magnitude_bits=31, pivot=31, fills={"m": Part.MULTIPLIER, "right": Part.RIGHT})
    >>> fill(Fraction(3, 8), recipe, {"m": Interval(0, 2**31 - 1), "right": Interval(0, 31)})
    {'m': 1610612736, 'right': 1}
    """
    (multiplier,), shift = encode([real], recipe, shift_limits(recipe, ranges))
    return fields_of(recipe, real, multiplier, shift, ranges)


def fields_of(
    recipe: ScaleRecipe, real: Fraction, multiplier: int, shift: int, ranges: Ranges
) -> dict[str, int]:
    """What each field that exists is given of an encoded multiplier."""
    made = {}
    for name, part in recipe.parts.items():
        if name in ranges:
            made[name] = _part(part, recipe, real, multiplier, shift)
    return made


def _part(part: Part, recipe: ScaleRecipe, real: Fraction, multiplier: int, shift: int) -> int:
    pivot, dropped = recipe.pivot, recipe.dropped_bits
    match part:
        case Part.MULTIPLIER:
            return multiplier
        case Part.SHIFT:
            return shift
        case Part.LEFT:
            return max(pivot - shift, 0)
        case Part.RIGHT:
            return max(shift - pivot, 0)
        case Part.FIRST:
            return min(shift, pivot)
        case Part.SHORT_MULTIPLIER:
            return min(shift_right(multiplier, dropped, Rounding.HALF_UP)[0], recipe.greatest[part])
        case Part.SHORT_SHIFT:
            return shift - dropped
        case Part.FLOAT32 | Part.FLOAT64:
            return _FLOATS[part].encode(real)


def encode(reals: Sequence[Fraction], recipe: ScaleRecipe, shifts: Interval) -> tuple[list[int], int]:
    """Encode real multipliers that share one shift; the greatest is normalised.

    Parameters
    ----------
    reals
        Multipliers of zero or more.
    shifts
        What the shift may be: from `shift_limits`.

    Returns
    -------
    multipliers, shift

    Raises
    ------
    OverflowError
        If the greatest multiplier is too large for the smallest shift and that is an error.
    ArithmeticError
        If it is too small for the largest one and the recipe says that this is an error.

    Examples
    --------
    >>> encode([Fraction(3, 4)], ScaleRecipe(magnitude_bits=16), Interval(0, 63))
    ([49152], 16)
    """
    greatest = max(reals)
    if greatest <= 0:
        return _zeros(reals, recipe, shifts)
    shift = _normalising_shift(greatest, recipe)
    if shift < shifts.low:
        if recipe.overflow is ScaleOverflow.ERROR:
            raise OverflowError(f"a multiplier of {float(greatest):g} needs a shift of {shift}")
        if recipe.overflow is ScaleOverflow.ZERO:
            return _zeros(reals, recipe, shifts)
        shift = shifts.low
    if shift > shifts.high:
        if recipe.underflow is Underflow.ERROR:
            raise ArithmeticError(f"a multiplier of {float(greatest):g} needs a shift of {shift}")
        if recipe.underflow is Underflow.ZERO:
            return _zeros(reals, recipe, shifts)
        shift = shifts.high
    top = recipe.greatest[Part.MULTIPLIER]
    return [min(_scaled(real, shift, recipe.rounding), top) for real in reals], shift


def _zeros(reals: Sequence[Fraction], recipe: ScaleRecipe, shifts: Interval) -> tuple[list[int], int]:
    shift = shifts.low if recipe.zero_shift is None else recipe.zero_shift
    return [0] * len(reals), shift


def _scaled(real: Fraction, shift: int, rounding: Rounding) -> int:
    power = Fraction(2) ** shift
    scaled = real * power
    return divide(scaled.numerator, scaled.denominator, rounding)


def _normalising_shift(real: Fraction, recipe: ScaleRecipe) -> int:
    """The shift that brings `real`, once rounded, into 2**(b-1) .. 2**b - 1."""
    bits = recipe.magnitude_bits
    shift = bits - (real.numerator.bit_length() - real.denominator.bit_length())
    while _scaled(real, shift, recipe.rounding) >= 1 << bits:
        shift -= 1
    while _scaled(real, shift, recipe.rounding) < 1 << (bits - 1):
        shift += 1
    return shift
