"""Arithmetic on exact fractions, written without a look at the spec: what the spec is tested against."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import ceil, floor

from npusim.spec.rounding import Rounding

_TIES: dict[Rounding, Callable[[int, int], int]] = {
    Rounding.HALF_UP: lambda low, high: high,
    Rounding.HALF_DOWN: lambda low, high: low,
    Rounding.HALF_TOWARD_ZERO: lambda low, high: min(low, high, key=abs),
    Rounding.HALF_AWAY: lambda low, high: max(low, high, key=abs),
    Rounding.HALF_EVEN: lambda low, high: low if low % 2 == 0 else high,
    Rounding.HALF_ODD: lambda low, high: low if low % 2 == 1 else high,
}

_DIRECTED: dict[Rounding, Callable[[int, int], int]] = {
    Rounding.FLOOR: lambda low, high: low,
    Rounding.CEIL: lambda low, high: high,
    Rounding.TOWARD_ZERO: lambda low, high: min(low, high, key=abs),
    Rounding.AWAY: lambda low, high: max(low, high, key=abs),
}


def round_fraction(value: Fraction, rule: Rounding) -> int:
    """The neighbour a rule chooses, by comparing distances."""
    low, high = floor(value), ceil(value)
    if rule in _DIRECTED:
        return _DIRECTED[rule](low, high)
    below, above = value - low, high - value
    if below != above:
        return low if below < above else high
    return low if low == high else _TIES[rule](low, high)


def median(low: int, value: int, high: int) -> int:
    """Clamping, written as the middle of three."""
    return sorted((low, value, high))[1]


def modular(value: int, bits: int) -> int:
    """The signed `bits`-bit integer congruent to `value`."""
    half = 1 << (bits - 1)
    return (value + half) % (2 * half) - half
