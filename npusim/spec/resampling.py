"""W7: bilinear resizing. A new pixel is a blend of four old ones, rounded once."""

from __future__ import annotations

from fractions import Fraction

from npusim.spec.rounding import Rounding, divide

Blend = tuple[int, int, int]
"""(first pixel, second pixel, weight of the second): along one axis; the first has what is left of one."""


def blend_of(place: Fraction, length: int, bits: int) -> Blend:
    """The two old pixels of an axis that a place lies between, and the second one's weight.

    Places beyond the borders are moved to them. The weight counts units of ``2**-bits``, rounded
    half_even; one that rounds to a whole is weight 0 of the next pixel.

    Examples
    --------
    >>> blend_of(Fraction(5, 4), length=3, bits=11)
    (1, 2, 512)
    >>> blend_of(Fraction(-1, 4), length=3, bits=11)
    (0, 1, 0)
    """
    inside = min(max(place, Fraction(0)), Fraction(length - 1))
    scaled = inside * (1 << bits)
    total = divide(scaled.numerator, scaled.denominator, Rounding.HALF_EVEN)
    first, weight = divmod(total, 1 << bits)
    return first, min(first + 1, length - 1), weight


def blend(codes: tuple[int, int, int, int], row_weight: int, column_weight: int, bits: int) -> int:
    """The exact sum of four products: what enters the resize pipeline, in units of ``2**(-2 * bits)``.

    Parameters
    ----------
    codes
        Upper left, upper right, lower left, lower right.

    Examples
    --------
    >>> blend((0, 4, 8, 12), 1, 1, bits=1) / 4
    6.0
    """
    one = 1 << bits
    above = codes[0] * (one - column_weight) + codes[1] * column_weight
    below = codes[2] * (one - column_weight) + codes[3] * column_weight
    return above * (one - row_weight) + below * row_weight


def weighted(codes: tuple[int, int, int, int], rows: tuple[int, int], columns: tuple[int, int]) -> int:
    """The exact sum of four products by any weights: what a weighted resize keeps.

    Parameters
    ----------
    codes
        Upper left, upper right, lower left, lower right.
    rows, columns
        The weights of upper and lower, of left and right.

    Examples
    --------
    >>> weighted((0, 4, 8, 12), (2, 1), (1, 2))
    48
    """
    above = codes[0] * columns[0] + codes[1] * columns[1]
    below = codes[2] * columns[0] + codes[3] * columns[1]
    return above * rows[0] + below * rows[1]
