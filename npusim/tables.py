"""A8: tables of correctly rounded values."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import numpy.typing as npt

from npusim.quantization import Quantization
from npusim.spec.interval import Interval
from npusim.spec.rounding import Rounding, divide
from npusim.spec.stages import Table

PRECISION_BITS = 300
"""Of transcendental functions. At a rational argument they are irrational but for trivial points, which
come out exact, so that no tie is ever decided by an error in the last of these bits."""

_LEAST_EXPONENT = -4096
"""Of results, and far below any float64 scale: exp of a great negative number would fill the memory."""

Exact = Fraction | Any
"""A rational number, or one of mpmath's, which has no types."""
ExactFunction = Callable[[Fraction], Exact]


def build_table(
    function: ExactFunction, x: Quantization, y: Quantization, stage: Table, codes: Interval
) -> npt.NDArray[np.int64]:
    """The codes of a function at every entry of a table.

    Parameters
    ----------
    function
        From a rational number to a rational one, or to an mpmath number.
    x, y
        What the table's address and its entries mean.
    stage
        The datapath's table; an interpolated one has a last entry beyond the greatest address.
    codes
        What an entry may be; others are clipped.
    """
    entries = []
    scale = Fraction(y.scale)
    with mpmath.workprec(PRECISION_BITS):
        for index in range(stage.entries):
            code = stage.address.low + (index << stage.fraction_bits)
            value = _fraction(function(Fraction(x.scale) * (code - x.zero_point))) / scale
            entry = divide(value.numerator, value.denominator, Rounding.HALF_EVEN) + y.zero_point
            entries.append(min(max(entry, codes.low), codes.high))
    return np.array(entries, np.int64)


def exponential_table(scale: Fraction, entries: int, bits: int) -> npt.NDArray[np.int64]:
    """``exp(-scale * d)`` for d from 0, in units of ``2**-bits``; the first one, a whole, is a unit less."""
    one = 1 << bits
    made = []
    with mpmath.workprec(PRECISION_BITS):
        for distance in range(entries):
            value = _fraction(mpmath.exp(real(-scale * distance))) * one
            made.append(min(divide(value.numerator, value.denominator, Rounding.HALF_EVEN), one - 1))
    return np.array(made, np.int64)


def real(value: Fraction) -> mpmath.mpf:
    """A rational number for mpmath's functions."""
    return mpmath.mpf(value.numerator) / value.denominator


def _fraction(value: Any) -> Fraction:
    """An mpmath number as the rational number it is."""
    if isinstance(value, Fraction):
        return value
    sign, mantissa, exponent, bits = value._mpf_
    # Nearer to zero than half of any code: what is kept is that it is not zero, and on which side.
    exponent = max(exponent, _LEAST_EXPONENT - bits)
    power: Fraction = Fraction(2) ** exponent
    return Fraction(-mantissa if sign else mantissa) * power
