"""A2: registers. A width, what fits it, and the two rules for what does not."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from npusim.spec.events import NO_EVENTS, Event, Events


class Overflow(StrEnum):
    """What a register does with a value that does not fit."""

    SATURATE = "saturate"
    WRAP = "wrap"


@dataclass(frozen=True)
class Width:
    """A register of `bits` bits.

    Examples
    --------
    >>> Width(8).low, Width(8).high, Width(8, signed=False).high
    (-128, 127, 255)
    """

    bits: int
    signed: bool = True

    @property
    def low(self) -> int:
        """Least value the register holds."""
        return -(1 << (self.bits - 1)) if self.signed and self.bits else 0

    @property
    def high(self) -> int:
        """Greatest value the register holds."""
        return (1 << (self.bits - 1)) - 1 if self.signed and self.bits else (1 << self.bits) - 1

    def holds(self, value: int) -> bool:
        """Whether `value` fits."""
        return self.low <= value <= self.high

    def __str__(self) -> str:
        return f"{'s' if self.signed else 'u'}{self.bits}"


def bits_for(low: int, high: int) -> int:
    """Least number of bits of a signed register that holds `low` and `high`.

    Examples
    --------
    >>> bits_for(-128, 127), bits_for(0, 128), bits_for(0, 0)
    (8, 9, 1)
    """
    return max((value if value >= 0 else ~value).bit_length() for value in (low, high)) + 1


def wrap(value: int, width: Width) -> tuple[int, Events]:
    """A.wrap: keep the low bits, read them as the register's type.

    Examples
    --------
    >>> wrap(130, Width(8))
    (-126, frozenset({<Event.WRAPPED: 'wrapped'>}))
    """
    if width.holds(value):
        return value, NO_EVENTS
    kept = value & ((1 << width.bits) - 1)
    if kept > width.high:
        kept -= 1 << width.bits
    return kept, frozenset({Event.WRAPPED})


def saturate(value: int, width: Width) -> tuple[int, Events]:
    """A.saturate: the nearest value that fits.

    Examples
    --------
    >>> saturate(130, Width(8))
    (127, frozenset({<Event.SATURATED_HIGH: 'saturated_high'>}))
    """
    if value < width.low:
        return width.low, frozenset({Event.SATURATED_LOW})
    if value > width.high:
        return width.high, frozenset({Event.SATURATED_HIGH})
    return value, NO_EVENTS


def into(value: int, width: Width, overflow: Overflow) -> tuple[int, Events]:
    """Write `value` into a register by its overflow rule."""
    return wrap(value, width) if overflow is Overflow.WRAP else saturate(value, width)
