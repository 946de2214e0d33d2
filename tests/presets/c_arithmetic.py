"""What C's integers do, for transcriptions of C."""

from __future__ import annotations


def quotient(numerator: int, denominator: int) -> int:
    """C's division: towards zero."""
    whole = abs(numerator) // abs(denominator)
    return whole if (numerator < 0) == (denominator < 0) else -whole


def int32(value: int) -> int:
    """What is left in an int32."""
    return (value + 2**31) % 2**32 - 2**31


def clip(value: int, low: int, high: int) -> int:
    """``std::clamp``."""
    return max(low, min(value, high))
