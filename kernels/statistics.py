"""A4: what accumulators did besides their values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from npusim.kernels.events import NEVER
from npusim.kernels.ops import Words
from npusim.spec.width import Width


class Tally(IntEnum):
    """The entries of a kernel's tally."""

    FINAL = 0
    FIRST_FINAL = 1
    PREFIX = 2
    FIRST_PREFIX = 3
    FIRST_BEAT = 4


@dataclass(frozen=True, eq=False)
class AccumulatorStatistics:
    """Overflows and extremes of a step's accumulators; linear indices are ``pixel * O + channel``.

    Attributes
    ----------
    lowest, highest : int64[O]
        The extremes each output channel's accumulator held, the start included; where prefixes were
        not looked at, those of the exact sums.
    tally : int64[len(Tally)]
        What kernels write; read it through the properties.
    ordered
        Whether prefixes were looked at.
    """

    lowest: Words
    highest: Words
    tally: Words
    ordered: bool

    @classmethod
    def of_nothing(cls, outputs: int, *, ordered: bool = True) -> AccumulatorStatistics:
        """Before the first accumulator."""
        limits = np.iinfo(np.int64)
        lowest, highest = (np.full(outputs, limit, np.int64) for limit in (limits.max, limits.min))
        return cls(lowest, highest, np.array([0, NEVER, 0, NEVER, NEVER], np.int64), ordered)

    @classmethod
    def of_exact(cls, exact: Words, register: Width, base_index: int) -> AccumulatorStatistics:
        """From exact sums : int64[rows, O], the first of which has the linear index `base_index`."""
        statistics = cls.of_nothing(exact.shape[1], ordered=False)
        leaving = np.flatnonzero((exact < register.low) | (exact > register.high))
        if leaving.size:
            statistics.tally[[Tally.FINAL, Tally.FIRST_FINAL]] = leaving.size, base_index + leaving[0]
        exact.min(axis=0, out=statistics.lowest, initial=NEVER)
        exact.max(axis=0, out=statistics.highest, initial=np.iinfo(np.int64).min)
        return statistics

    @property
    def final(self) -> int:
        """How many exact sums leave the register."""
        return int(self.tally[Tally.FINAL])

    @property
    def first_final(self) -> int | None:
        """The linear index of the first of them."""
        return self._index(Tally.FIRST_FINAL)

    @property
    def prefix(self) -> int | None:
        """How many writes, to tree or register, did not fit; None: not looked at."""
        return int(self.tally[Tally.PREFIX]) if self.ordered else None

    @property
    def first_prefix(self) -> int | None:
        """The least linear index of an accumulator with such a write."""
        return self._index(Tally.FIRST_PREFIX)

    @property
    def first_beat(self) -> int | None:
        """Its first such beat; the late bias counts as one more beat."""
        return self._index(Tally.FIRST_BEAT)

    def merge(self, other: AccumulatorStatistics) -> AccumulatorStatistics:
        """Both parts together."""
        tally = self.tally + other.tally
        tally[Tally.FIRST_FINAL] = min(self.tally[Tally.FIRST_FINAL], other.tally[Tally.FIRST_FINAL])
        earlier = min((self, other), key=lambda part: int(part.tally[Tally.FIRST_PREFIX]))
        for entry in (Tally.FIRST_PREFIX, Tally.FIRST_BEAT):
            tally[entry] = earlier.tally[entry]
        return AccumulatorStatistics(
            np.minimum(self.lowest, other.lowest),
            np.maximum(self.highest, other.highest),
            tally,
            self.ordered and other.ordered,
        )

    def _index(self, entry: Tally) -> int | None:
        found = int(self.tally[entry])
        return None if found == NEVER else found
