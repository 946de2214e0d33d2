"""Steps in one pass that count their events: what is run, and what its records mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from npusim.kernels.coded import Classes, CountingPairs
from npusim.kernels.direct.protocol import Bytes, Call, Chained, Counting, Direct, Elementwise
from npusim.kernels.event_plan import EventPlan, Kind, event_plan
from npusim.kernels.events import NEVER
from npusim.kernels.records import KINDS_KEPT, Total
from npusim.steps.executors.rescaler import Rescaler
from npusim.steps.probe import AccumulatorRecord, EventCount

Records = npt.NDArray[np.int64]


class Countable(Protocol):
    """A one-pass form that can count."""

    def counting(self, plan: EventPlan) -> Counting | None:
        """The same with the events of its rescale counted; None if it cannot tell them."""


@dataclass(frozen=True)
class Counted:
    """A step in one pass with its events.

    Attributes
    ----------
    points
        Every stage that can have events.
    kinds
        Stage and event of each number of a record.
    accumulates
        Whether a record's extremes are those of accumulators.
    """

    direct: Counting
    points: tuple[str, ...]
    kinds: tuple[tuple[str, str], ...]
    accumulates: bool

    def accumulator(self, total: Total) -> AccumulatorRecord | None:
        """The extremes of all images."""
        return AccumulatorRecord(total.lowest, total.highest) if self.accumulates else None

    def events(self, total: Total) -> dict[str, dict[str, EventCount]]:
        """The events of all images."""
        found: dict[str, dict[str, EventCount]] = {point: {} for point in self.points}
        # A record has room for more kinds than there are.
        told = zip(self.kinds, total.counts, total.images, total.firsts, strict=False)
        for (point, event), count, image, first in told:
            if first != NEVER:
                seen = EventCount(count, (image, first))
                both = found[point].get(event)  # an activation may bound on both sides
                found[point][event] = seen if both is None else seen.merge(both)
        return found


class _Eventless:
    """A step that computes nothing; see `Counting`."""

    def __init__(self, direct: Direct) -> None:
        self._direct, self.units, self.scratch_bytes = direct, direct.units, direct.scratch_bytes

    def run(
        self, inputs: Sequence[Bytes], out: Bytes, scratch: Bytes, first: int, last: int, record: Records
    ) -> None:
        """See `Counting.run`."""
        self._direct.run(inputs, out, scratch, first, last)


class _ChainedEventless(_Eventless):
    """The same of a few kernels' calls; see `ChainedCounting`."""

    def __init__(self, direct: Chained) -> None:
        super().__init__(direct)
        self._chained = direct

    def calls(self, inputs: Sequence[Bytes], out: Bytes, scratch: Bytes, record: Records) -> list[Call]:
        """See `ChainedCounting.calls`."""
        return self._chained.calls(inputs, out, scratch)


def eventless(direct: Direct | None) -> Counted | None:
    """The counting form of a step without stages: nothing can happen."""
    if direct is None:
        return None
    form = _ChainedEventless(direct) if isinstance(direct, Chained) else _Eventless(direct)
    return Counted(form, (), (), accumulates=False)


def counted_pairs(
    direct: Elementwise, classes: Classes | None, pipelines: Sequence[Rescaler], size: int
) -> Counted | None:
    """The counting form of an elementwise step on codes; None if its classes are not known.

    Parameters
    ----------
    pipelines
        The step's, in the order of the classes' kinds.
    size
        Codes of the output.
    """
    if classes is None:
        return None
    kinds = tuple((pipelines[which].points[stage], event.value) for which, stage, event in classes.kinds)
    points = tuple(point for pipeline in pipelines for point in pipeline.points)
    return Counted(CountingPairs(direct, classes, size), points, kinds, accumulates=False)


def counted_kinds(
    direct: Counting,
    told: Sequence[tuple[Rescaler, Sequence[Kind]]],
    pipelines: Sequence[Rescaler],
    *,
    accumulates: bool = False,
) -> Counted | None:
    """A form whose records have one pipeline's kinds after the other's; None if there are too many.

    Parameters
    ----------
    told
        Pipelines with their kinds, in a record's order.
    pipelines
        All of the step's.
    """
    kinds = tuple((rescaler.points[stage], event.value) for rescaler, own in told for stage, event in own)
    points = tuple(point for rescaler in pipelines for point in rescaler.points)
    return Counted(direct, points, kinds, accumulates) if len(kinds) <= KINDS_KEPT else None


def counted(
    direct: Countable,
    rescaler: Rescaler,
    reach: int,
    other_points: tuple[str, ...] = (),
    *,
    accumulates: bool,
) -> Counted | None:
    """A step's counting form; None if its pipeline's events cannot be told from its sums.

    Parameters
    ----------
    rescaler
        The step's last pipeline, the only one with events.
    reach
        The greatest magnitude of what enters it.
    other_points
        Stages before it.
    """
    plan = event_plan(rescaler.plan, reach)
    counting = None if plan is None else direct.counting(plan)
    if plan is None or counting is None:
        return None
    kinds = tuple((rescaler.points[stage], event.value) for stage, event in plan.kinds)
    return Counted(counting, (*other_points, *rescaler.points), kinds, accumulates)
