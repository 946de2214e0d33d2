"""A9: how real numbers become codes, and back."""

from __future__ import annotations

from fractions import Fraction

from npusim.spec.rounding import Rounding, divide
from npusim.spec.width import Width


def quantize(value: Fraction, scale: Fraction, zero_point: int, codes: Width) -> int:
    """``clamp(half_even(value / scale) + zero_point)``, exactly.

    Examples
    --------
    >>> quantize(Fraction(1, 2), Fraction(1, 4), -128, Width(8))
    -126
    """
    real = value / scale
    code = divide(real.numerator, real.denominator, Rounding.HALF_EVEN) + zero_point
    return min(max(code, codes.low), codes.high)


def byte_table(mean: Fraction, std: Fraction, scale: Fraction, zero_point: int, codes: Width) -> list[int]:
    """A9: the code of each byte of an input channel preprocessed as ``(byte - mean) / std``."""
    return [quantize((byte - mean) / std, scale, zero_point, codes) for byte in range(256)]


def dequantize(code: int, scale: Fraction, zero_point: int) -> Fraction:
    """The real number a code stands for."""
    return scale * (code - zero_point)
