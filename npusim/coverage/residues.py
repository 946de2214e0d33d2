"""Sets of integers that solving works with: the members of one residue class within a range."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import gcd

from npusim.spec.interval import Interval


@dataclass(frozen=True)
class Residues:
    """All integers from `low` to `high` that are `residue` modulo `modulus`; maybe none.

    Examples
    --------
    >>> ties = Residues(-20, 20, modulus=8, residue=4)
    >>> list(ties), list(ties.quotients(3))
    ([-20, -12, -4, 4, 12, 20], [-4, 4])
    """

    low: int
    high: int
    modulus: int = 1
    residue: int = 0

    @property
    def first(self) -> int:
        """The least member, if there is one."""
        return self.low + (self.residue - self.low) % self.modulus

    @property
    def last(self) -> int:
        """The greatest member, if there is one."""
        return self.high - (self.high - self.residue) % self.modulus

    def __len__(self) -> int:
        return max(0, (self.last - self.first) // self.modulus + 1)

    def __bool__(self) -> bool:
        return self.first <= self.high

    def __contains__(self, value: int) -> bool:
        return self.low <= value <= self.high and (value - self.residue) % self.modulus == 0

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.first, self.high + 1, self.modulus))

    def within(self, bounds: Interval) -> Residues:
        """Those that also lie in an interval."""
        return Residues(max(self.low, bounds.low), min(self.high, bounds.high), self.modulus, self.residue)

    def moved(self, by: int) -> Residues:
        """Every member plus `by`."""
        return Residues(self.low + by, self.high + by, self.modulus, self.residue + by)

    def quotients(self, factor: int) -> Residues:
        """All x for which ``x * factor`` is a member; `factor` is not 0."""
        if factor < 0:
            return Residues(-self.high, -self.low, self.modulus, -self.residue).quotients(-factor)
        common = gcd(factor, self.modulus)
        if self.residue % common:
            return Residues(0, -1)
        modulus = self.modulus // common
        residue = self.residue // common * pow(factor // common, -1, modulus) % modulus
        return Residues(-(-self.low // factor), self.high // factor, modulus, residue)

    def nearest(self, count: int) -> list[int]:
        """Up to `count` members, those of least magnitude first; then both ends."""
        if not self:
            return []
        start = min(max(0, self.first), self.last)
        start -= (start - self.residue) % self.modulus
        around = [start + self.modulus * step for step in range(-count, count + 1)]
        inside = sorted((value for value in around if value in self), key=abs)[:count]
        return list(dict.fromkeys([*inside, self.first, self.last]))
