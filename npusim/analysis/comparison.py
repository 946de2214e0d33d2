"""What two rescales are compared on, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from npusim.analysis.rescale import Rescale, Words
from npusim.steps.fields import needed_fields


class Method(StrEnum):
    """How a channel was decided."""

    SAME = "the same stages and fields"
    """Nothing to compare."""
    ENUMERATED = "enumerated"
    """Every value of a small domain."""
    THRESHOLDS = "thresholds"
    """Both pipelines are monotone: their thresholds say it all."""
    PIECES = "thresholds between wraps"
    """Both pipelines are monotone wherever nothing wraps anew: their thresholds there say it all."""
    PERIOD = "one period"
    """Both pipelines repeat: every value of one period."""
    LOOPED = "looped"
    """Every value of a large domain: a pipeline is not monotone, or goes the other way."""
    UNDECIDED = "not decided"
    """Such a loop, for which there was no time."""


METHODS = tuple(Method)


class Check(StrEnum):
    """Whether thresholds, which the kernels find, are checked against the spec."""

    SPEC = "spec"
    """At both sides of one threshold of each channel."""
    KERNELS = "kernels"
    """Not at all: for rescales that are only tried."""


@dataclass(frozen=True, eq=False)
class Unit:
    """Two rescales of the same values.

    Attributes
    ----------
    pipeline
        Such as ``mac.result``: whose stages they are.
    low, high : int64[channels]
        The values compared, both ends included.
    """

    name: str
    pipeline: str
    left: Rescale
    right: Rescale
    low: Words
    high: Words

    @property
    def values(self) -> int:
        """How many values are compared, over all channels."""
        return int((self.high - self.low).astype(object).sum()) + len(self.low)

    @property
    def same(self) -> npt.NDArray[np.bool_]:
        """The channels on which both are one and the same: equal stages, equal fields."""
        made = np.full(len(self.low), self.left.stages == self.right.stages)
        if made.any():
            for name in needed_fields(self.left.stages):
                left, right = self.left.fields[name], self.right.fields[name]
                per_table = name in self.left.tables
                made &= np.array_equal(left, right) if per_table else np.equal(left, right)
        return made

    def columns(self, chosen: npt.NDArray[np.integer]) -> Unit:
        """Some of its channels."""
        sides = self.left.columns(chosen), self.right.columns(chosen)
        return Unit(self.name, self.pipeline, *sides, self.low[chosen], self.high[chosen])


@dataclass(frozen=True, eq=False)
class Difference:
    """What was found of a unit.

    Attributes
    ----------
    differing : int64[channels]
        How many values give different results: exactly.
    witness : int64[channels]
        The differing value nearest to zero; 0 where there is none.
    method : int64[channels]
        Index into `METHODS`.
    probes : int64[rows, channels]
        Values around differences and elsewhere, on which explanations are tried.
    confirmed
        At how many values the spec was asked besides the witnesses.
    """

    unit: Unit
    differing: Words
    witness: Words
    method: Words
    probes: Words
    confirmed: int

    @property
    def undecided(self) -> npt.NDArray[np.intp]:
        """The channels of which nothing is known."""
        return np.flatnonzero(self.method == METHODS.index(Method.UNDECIDED))

    @property
    def values(self) -> int:
        """How many values were compared, over all channels."""
        decided = self.method != METHODS.index(Method.UNDECIDED)
        return int((self.unit.high - self.unit.low + 1)[decided].astype(object).sum())

    @property
    def channels(self) -> npt.NDArray[np.intp]:
        """The channels that differ."""
        return np.flatnonzero(self.differing)

    @property
    def total(self) -> int:
        """All differing values of all channels."""
        return int(self.differing.astype(object).sum())


@dataclass(frozen=True, eq=False)
class Found:
    """What one method found of some channels: as `Difference` has it.

    Attributes
    ----------
    method : int64[channels]
        Index into `METHODS`, where it is not the same for all; None: it is.
    """

    differing: Words
    witness: Words
    probes: Words
    confirmed: int = 0
    method: Words | None = None


PROBE_CODES = 24
"""Codes of a channel around whose thresholds probes lie."""
PROBES = 4 * PROBE_CODES


def distance(values: Words) -> Words:
    """Orders values by their distance from zero; of two as far, the positive one comes first."""
    return 2 * np.abs(values) - (values > 0)
