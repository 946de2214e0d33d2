"""What a run observed, step by step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any

from npusim.program import Program
from npusim.spec.events import Event
from npusim.spec.interval import Interval
from npusim.steps.base import Executor, Step
from npusim.steps.probe import AccumulatorRecord, EventCount, Path, Probe, StatisticsMode

Events = dict[str, dict[str, EventCount]]
"""By stage, then by event."""


@dataclass(frozen=True)
class StepStatistics:
    """What happened in one step.

    Attributes
    ----------
    path, reason
        How accumulators were computed and why (A5); None for steps without accumulators.
    reachable
        The proven range of every accumulator prefix in any order, over all operand codes.
    accumulator
        The observed range and overflows.
    events
        By stage, then by event.
    images
        How many were run.
    shape
        The output's, without the batch: positions of first events are flat in it.
    """

    step: str
    kind: str
    macs: int
    shape: tuple[int, ...]
    images: int
    path: Path | None = None
    reason: str | None = None
    reachable: Interval | None = None
    accumulator: AccumulatorRecord | None = None
    events: Events = field(default_factory=dict)

    def count(self, *events: Event) -> int:
        """How often any of these events happened, over all stages."""
        return sum(
            found.count for stage in self.events.values() for name, found in stage.items() if name in events
        )

    def locate(self, first: tuple[int, int]) -> tuple[int, ...]:
        """(image, row, column, channel) of a first event."""
        image, flat = first
        place: list[int] = []
        for size in reversed(self.shape):
            flat, index = divmod(flat, size)
            place.append(index)
        return (image, *reversed(place))

    def moved(self, images: int) -> StepStatistics:
        """The same, with image numbers counted on from an earlier batch."""
        accumulator = None if self.accumulator is None else self.accumulator.moved(images)
        events = {
            stage: {name: found.moved(images) for name, found in kinds.items()}
            for stage, kinds in self.events.items()
        }
        return replace(self, accumulator=accumulator, events=events)

    def merge(self, other: StepStatistics) -> StepStatistics:
        """Both together."""
        records = [r for r in (self.accumulator, other.accumulator) if r is not None]
        return replace(
            self,
            images=self.images + other.images,
            accumulator=reduce(AccumulatorRecord.merge, records) if records else None,
            events=_merge_events([self.events, other.events]),
        )

    @property
    def overflows(self) -> int:
        """Accumulator overflows of any kind."""
        if self.accumulator is None:
            return 0
        return max(self.accumulator.final_overflows, self.accumulator.prefix_overflows or 0)


def summarise(
    step: Step, executor: Executor, program: Program, probes: Sequence[Probe], mode: StatisticsMode
) -> StepStatistics:
    """Merge one step's probes, in the order of the images."""
    records = [probe.accumulator for probe in probes if probe.accumulator is not None]
    return StepStatistics(
        **describe(step, executor, program, mode),
        images=len(probes),
        accumulator=reduce(AccumulatorRecord.merge, records) if records else None,
        events=_merge_events([probe.events for probe in probes]),
    )


def describe(step: Step, executor: Executor, program: Program, mode: StatisticsMode) -> dict[str, Any]:
    """What is known of a step before anything is counted: fields of `StepStatistics`."""
    output = program.tensors[step.output]
    decision = executor.decision(mode)
    return {
        "step": step.name,
        "kind": step.kind,
        "macs": step.macs(program.input_types(step), output),
        "shape": output.shape,
        "path": None if decision is None else decision.path,
        "reason": None if decision is None else decision.reason,
        "reachable": None if decision is None else decision.reachable,
    }


def _merge_events(parts: Sequence[Events]) -> Events:
    merged: Events = {}
    for part in parts:
        for stage, events in part.items():
            place = merged.setdefault(stage, {})
            for event, found in events.items():
                place[event] = place[event].merge(found) if event in place else found
    return merged


def merge_statistics(parts: Sequence[dict[str, StepStatistics]]) -> dict[str, StepStatistics]:
    """Statistics of several batches as if they had been one."""
    merged: dict[str, StepStatistics] = {}
    images = 0
    for part in parts:
        for name, found in part.items():
            moved = found.moved(images)
            merged[name] = merged[name].merge(moved) if name in merged else moved
        images += max((found.images for found in part.values()), default=0)
    return merged
