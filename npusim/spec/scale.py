"""The scale recipe: how a real multiplier becomes (multiplier, shift). Part of the datapath."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from npusim.spec.interval import Interval
from npusim.spec.rounding import Rounding, divide
from npusim.spec.stages.base import STRICT


class Underflow(StrEnum):
    """What becomes of a scale too small for a normalised multiplier at the greatest shift."""

    DENORMALIZE = "denormalize"
    """The greatest shift, with as much of the multiplier as is left."""
    ZERO = "zero"
    """Multiplier and shift zero."""
    ERROR = "error"
    """The program is refused."""


@dataclass(frozen=True, kw_only=True)
class ScaleRecipe:
    """``real ~ multiplier * 2**-shift`` with a normalised multiplier.

    `magnitude_bits` b: the multiplier lies in 2**(b-1) .. 2**b - 1.
    """

    __pydantic_config__ = STRICT

    magnitude_bits: int
    rounding: Rounding = Rounding.HALF_EVEN
    underflow: Underflow = Underflow.DENORMALIZE


def encode(reals: Sequence[Fraction], recipe: ScaleRecipe, shifts: Interval) -> tuple[list[int], int]:
    """Encode real multipliers that share one shift; the greatest is normalised.

    Parameters
    ----------
    reals
        Multipliers of zero or more.
    shifts
        What the shift field holds.

    Returns
    -------
    multipliers, shift

    Raises
    ------
    OverflowError
        If the greatest multiplier is too large for the smallest shift.
    ArithmeticError
        If it is too small for the largest one and the recipe says that this is an error.

    Examples
    --------
    >>> encode([Fraction(3, 4)], ScaleRecipe(magnitude_bits=16), Interval(0, 63))
    ([49152], 16)
    """
    greatest = max(reals)
    if greatest <= 0:
        return [0] * len(reals), shifts.low
    shift = _normalising_shift(greatest, recipe)
    if shift < shifts.low:
        raise OverflowError(f"a multiplier of {float(greatest):g} needs a shift of {shift}")
    if shift > shifts.high:
        if recipe.underflow is Underflow.ERROR:
            raise ArithmeticError(f"a multiplier of {float(greatest):g} needs a shift of {shift}")
        if recipe.underflow is Underflow.ZERO:
            return [0] * len(reals), shifts.low
        shift = shifts.high
    return [_scaled(real, shift, recipe.rounding) for real in reals], shift


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
