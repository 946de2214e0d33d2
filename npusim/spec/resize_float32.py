"""A.resize_float32: four codes blended in binary32, as LiteRT's reference kernel does for uint8."""

from __future__ import annotations

from collections.abc import Sequence

from npusim.spec.floats import BINARY32

Number = tuple[int, int]
"""A significand and an exponent."""

_ONE, _HALF = (1, 0), (1, -1)


def blend(codes: Sequence[int], down: int, right: int) -> int:
    """The blend of (upper left, lower left, upper right, lower right), rounded.

    Every operation is rounded to binary32; the last step adds a half and drops the fraction.

    Parameters
    ----------
    codes
        Zero or more.
    down, right
        The bits of how far the pixel lies below the upper row and to the right of the left column.

    Examples
    --------
    >>> blend((0, 100, 0, 100), 0x3E800000, 0)
    25
    """
    below, after = BINARY32.decode(down), BINARY32.decode(right)
    above, before = _subtract(_ONE, below), _subtract(_ONE, after)
    weights = ((above, before), (below, before), (above, after), (below, after))
    total: Number = (0, 0)
    for code, (row, column) in zip(codes, weights, strict=True):
        total = _add(total, _multiply(_multiply((code, 0), row), column))
    significand, exponent = _add(total, _HALF)
    scaled = abs(significand) << exponent if exponent >= 0 else abs(significand) >> -exponent
    return scaled if significand >= 0 else -scaled


def _multiply(a: Number, b: Number) -> Number:
    return BINARY32.round(a[0] * b[0], a[1] + b[1])


def _add(a: Number, b: Number) -> Number:
    exponent = min(a[1], b[1])
    return BINARY32.round((a[0] << (a[1] - exponent)) + (b[0] << (b[1] - exponent)), exponent)


def _subtract(a: Number, b: Number) -> Number:
    return _add(a, (-b[0], b[1]))
