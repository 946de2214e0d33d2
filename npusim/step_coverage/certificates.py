"""Why a bin of a step cannot be hit: plain data, which `checker` re-checks."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from npusim.coverage.certificates import Certificate


class Argument(StrEnum):
    """What a certificate argues with."""

    RANGES = "ranges"
    """What the channels can sum up, and what that leaves of the rescale's situations."""
    SUMS = "sums"
    """Every sum that the channels can make: all are looked at."""
    WRITES = "writes"
    """What each write to the accumulator can be at most."""
    PLACES = "places"
    """Every product of every output: none is where it would have to be."""
    CODES = "codes"
    """All codes that the operation can read: every one, or every pair or window of them, is looked at."""


@dataclass(frozen=True)
class StepCertificate:
    """Why a bin of a step cannot be hit.

    Attributes
    ----------
    accumulators
        Of each group of channels that could hit it: the least and greatest sum.
    rescale
        Of each such group: the argument about its rescale.
    sums
        Of each such group, of each of its channels: how many different sums there are.
    writes
        The least and the greatest exact sum of each write, up to the bin's.
    cases
        How many products, or codes, there are to look at.
    """

    argument: Argument
    accumulators: tuple[tuple[int, int], ...] = ()
    rescale: tuple[Certificate, ...] = ()
    sums: tuple[tuple[int, ...], ...] = ()
    writes: tuple[tuple[int, int], ...] = ()
    cases: int = 0

    def plain(self) -> dict[str, Any]:
        """As JSON-like data."""
        made: dict[str, Any] = {"argument": self.argument.value}
        if self.accumulators:
            made["accumulators"] = [list(each) for each in self.accumulators]
        if self.rescale:
            made["rescale"] = [each.plain() for each in self.rescale]
        if self.sums:
            made["sums"] = [list(each) for each in self.sums]
        if self.writes:
            made["writes"] = [list(each) for each in self.writes]
        return made | ({"cases": self.cases} if self.cases else {})
