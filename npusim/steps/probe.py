"""What a run records besides its outputs: taps and statistics. Recording never changes a result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.spec.interval import Interval


class StatisticsMode(StrEnum):
    """How much is counted."""

    OFF = "off"
    EVENTS = "events"
    """Events of every stage, final accumulator overflows, accumulator ranges."""
    PREFIX = "prefix"
    """Also overflows of accumulator prefixes: forces the ordered path (A4)."""


class Path(StrEnum):
    """How a step's accumulators were computed (A5)."""

    FAST_32 = "fast_32"
    """Any order, 32-bit words: proven that nothing overflows."""
    FAST_64 = "fast_64"
    """Any order, 64-bit words: proven that nothing overflows."""
    WRAPPED = "wrapped"
    """Exact sums in 64-bit words, wrapped at the end: the order does not matter."""
    ORDERED = "ordered"
    """Beat by beat in the declared loop nest."""


@dataclass(frozen=True)
class PathDecision:
    """A5: how accumulators are computed, and the proof.

    Attributes
    ----------
    reachable
        The hull over all channels of every prefix in any order, for the whole operand code range.
    reason
        One sentence for the statistics.
    """

    path: Path
    reachable: Interval
    reason: str


@dataclass(frozen=True)
class EventCount:
    """How often one event happened at one stage, and where first.

    `first` is (image, flat position in the step's output).
    """

    count: int
    first: tuple[int, int]

    def merge(self, other: EventCount) -> EventCount:
        """Both together."""
        return EventCount(self.count + other.count, min(self.first, other.first))

    def moved(self, images: int) -> EventCount:
        """The same, with image numbers counted on from an earlier batch."""
        return EventCount(self.count, (self.first[0] + images, self.first[1]))


@dataclass(frozen=True)
class AccumulatorRecord:
    """What was seen of a step's accumulators.

    Attributes
    ----------
    lowest, highest
        Extremes of the final values; of all prefixes where the ordered path ran.
    final_overflows, prefix_overflows
        Outputs whose exact sum left the range (A4); writes that overflowed (None: not counted).
    first_overflow
        (image, flat position) of the first output that overflowed.
    """

    lowest: int
    highest: int
    final_overflows: int = 0
    prefix_overflows: int | None = None
    first_overflow: tuple[int, int] | None = None

    def merge(self, other: AccumulatorRecord) -> AccumulatorRecord:
        """Both together."""
        prefixes = [r.prefix_overflows for r in (self, other) if r.prefix_overflows is not None]
        firsts = [r.first_overflow for r in (self, other) if r.first_overflow is not None]
        return AccumulatorRecord(
            min(self.lowest, other.lowest),
            max(self.highest, other.highest),
            self.final_overflows + other.final_overflows,
            sum(prefixes) if prefixes else None,
            min(firsts, default=None),
        )

    def moved(self, images: int) -> AccumulatorRecord:
        """The same, with image numbers counted on from an earlier batch."""
        if self.first_overflow is None:
            return self
        image, flat = self.first_overflow
        return replace(self, first_overflow=(image + images, flat))


@dataclass
class Probe:
    """Collects what one image leaves behind in one step.

    Parameters
    ----------
    image
        The image's index in the batch.
    mode
        What to count.
    wanted
        Tap points of this step to record.
    """

    image: int = 0
    mode: StatisticsMode = StatisticsMode.OFF
    wanted: frozenset[str] = frozenset()
    taps: dict[str, npt.NDArray[Any]] = field(default_factory=dict)
    accumulator: AccumulatorRecord | None = None
    events: dict[str, dict[str, EventCount]] = field(default_factory=dict)

    @property
    def counting(self) -> bool:
        """Whether events are wanted."""
        return self.mode is not StatisticsMode.OFF

    def tap(self, point: str, tensor: npt.NDArray[Any]) -> None:
        """Record a tensor if it is wanted."""
        if point in self.wanted:
            self.taps[point] = np.array(tensor)

    def see(self, record: AccumulatorRecord) -> None:
        """Add what was seen of some accumulators."""
        self.accumulator = record if self.accumulator is None else self.accumulator.merge(record)

    def count(self, stage: str, counts: Mapping[str, tuple[int, int]]) -> None:
        """Add (count, first flat position) per event for one stage."""
        place = self.events.setdefault(stage, {})
        for event, (number, first) in counts.items():
            found = EventCount(number, (self.image, first))
            place[event] = place[event].merge(found) if event in place else found
