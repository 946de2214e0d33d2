"""A.softmax: 32-bit fixed-point arithmetic as gemmlowp defines it: exponential, reciprocal, inverse root.

Numbers are raw 32-bit integers; Qi.f has i integer bits and f fraction bits besides the sign.
"""

from __future__ import annotations

from npusim.spec.rounding import Rounding, shift_right
from npusim.spec.width import Width, saturate

WORD = Width(32)
ONE = WORD.high
"""One, or the nearest there is, in Q0.31."""

_EXP_EIGHTH = 1895147668
"""exp(-1/8) in Q0.31."""
_THIRD = 715827883
_EXP_POWERS = (
    (-2, 1672461947),
    (-1, 1302514674),
    (0, 790015084),
    (1, 290630308),
    (2, 39332535),
    (3, 720401),
    (4, 242),
)
"""exp(-2**e) in Q0.31, by e."""
_48_17, _32_17 = 1515870810, 1010580540
"""48/17 and 32/17 in Q2.29: the line that Newton's iteration for a reciprocal starts from."""


def high_multiply(a: int, b: int) -> int:
    """The upper half of the doubled product, rounded half up, saturated: Qi * Qj is Q(i + j).

    Examples
    --------
    >>> high_multiply(1 << 30, 1 << 30) == 1 << 29
    True
    """
    return saturate(shift_right(a * b, 31, Rounding.HALF_UP)[0], WORD)[0]


def shift_down(value: int, n: int) -> int:
    """``value / 2**n``, rounded half away from zero."""
    return shift_right(value, n, Rounding.HALF_AWAY)[0]


def shift_up(value: int, n: int) -> int:
    """``value * 2**n``, saturated."""
    return saturate(value << n, WORD)[0]


def exponential(value: int) -> int:
    """Exp of a number from -32 to 0 in Q5.26, in Q0.31.

    Examples
    --------
    >>> exponential(0) == ONE, exponential(-1 << 26)
    (True, 790015308)
    """
    if value == 0:
        return ONE
    quarter = 1 << 24
    rest = (value & (quarter - 1)) - quarter
    result = _exponential_of_less_than_a_quarter(shift_up(rest, 5))
    remainder = rest - value
    for power, factor in _EXP_POWERS:
        if remainder >> (26 + power) & 1:
            result = high_multiply(result, factor)
    return result


def _exponential_of_less_than_a_quarter(value: int) -> int:
    """From -1/4 up to 0, in Q0.31: Taylor's polynomial around -1/8."""
    x = value + (1 << 28)
    x2 = high_multiply(x, x)
    x3, x4 = high_multiply(x2, x), high_multiply(x2, x2)
    higher = shift_down(high_multiply(shift_down(x4, 2) + x3, _THIRD) + x2, 1)
    return _EXP_EIGHTH + high_multiply(_EXP_EIGHTH, x + higher)


def reciprocal(value: int, integer_bits: int) -> tuple[int, int]:
    """``1 / value`` of a positive number with so many integer bits: (r, n) for ``r / 2**(31 + n)``.

    Examples
    --------
    >>> reciprocal(1 << 19, 12)
    (2147483647, 0)
    """
    leading_zeros = 32 - value.bit_length()
    above_one = (value << leading_zeros) - (1 << 31)
    return _one_over_one_plus(above_one), integer_bits - leading_zeros


def _one_over_one_plus(value: int) -> int:
    """``1 / (1 + value)`` for 0 up to 1, in Q0.31."""
    half_denominator = (value + ONE + 1) // 2
    x = _48_17 - _half_up_negative(half_denominator)
    for _ in range(3):
        rest = (1 << 29) - high_multiply(half_denominator, x)
        x += shift_up(high_multiply(x, rest), 2)
    return shift_up(x, 1)


def _half_up_negative(half_denominator: int) -> int:
    """``half_denominator * 32/17``, rounded as the product with -32/17 is."""
    return -high_multiply(half_denominator, -_32_17)


def inverse_root(value: int) -> tuple[int, int]:
    """``1 / sqrt(value)`` of an integer: (m, n) for ``m / 2**(31 + n)``, n of zero or more.

    0 counts as 1. Five of Newton's iterations from 1, on the value brought into 2**27 .. 2**29 - 1.

    Examples
    --------
    >>> inverse_root(1), inverse_root(4)
    ((2147483647, 0), (1073741828, 0))
    """
    if value <= 1:
        return ONE, 0
    shift = 11
    while value >= 1 << 29:
        value //= 4
        shift += 1
    pairs = (32 - value.bit_length() - 1) // 2 - 1
    shift -= pairs
    value <<= 2 * pairs
    half = shift_down(value >> 1, 1)
    x = 1 << 28
    for _ in range(5):
        cube = shift_up(high_multiply(high_multiply(x, x), x), 6)
        x = shift_up(high_multiply(_3_2, x) - high_multiply(half, cube), 3)
    x = high_multiply(x, _HALF_ROOT_2)
    return (x << -shift, 0) if shift < 0 else (x, shift)


_3_2 = (1 << 28) + (1 << 27)
"""3/2 in Q3.28."""
_HALF_ROOT_2 = 1518500250
"""sqrt(2)/2 in Q0.31."""
