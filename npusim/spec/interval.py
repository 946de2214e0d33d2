"""Ranges of integers, from which a datapath's widths are derived (A2)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from npusim.spec.width import Width, bits_for


@dataclass(frozen=True)
class Interval:
    """All integers from `low` to `high`, both included."""

    low: int
    high: int

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError(f"empty interval {self.low}..{self.high}")

    @classmethod
    def of(cls, width: Width) -> Interval:
        """What a register holds."""
        return cls(width.low, width.high)

    @property
    def bits(self) -> int:
        """Width of the least signed register that holds it."""
        return bits_for(self.low, self.high)

    def __contains__(self, value: int) -> bool:
        return self.low <= value <= self.high

    def within(self, other: Interval) -> bool:
        """Whether every value of it lies in `other`."""
        return other.low <= self.low and self.high <= other.high

    def hull(self, other: Interval) -> Interval:
        """The least interval that holds both."""
        return Interval(min(self.low, other.low), max(self.high, other.high))

    def __add__(self, other: Interval) -> Interval:
        return Interval(self.low + other.low, self.high + other.high)

    def __neg__(self) -> Interval:
        return Interval(-self.high, -self.low)

    def __mul__(self, other: Interval) -> Interval:
        corners = [a * b for a, b in product((self.low, self.high), (other.low, other.high))]
        return Interval(min(corners), max(corners))

    def clamped(self, bounds: Interval) -> Interval:
        """Its image under clamping to `bounds`."""
        return Interval(
            min(max(self.low, bounds.low), bounds.high), min(max(self.high, bounds.low), bounds.high)
        )

    def __str__(self) -> str:
        return f"{self.low}..{self.high}"
