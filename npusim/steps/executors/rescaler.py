"""Runs one pipeline of a step, with its taps and events."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property

import numpy as np
import numpy.typing as npt

from npusim.kernels.elementwise import narrow, widen
from npusim.kernels.event_plan import Kind, event_plan
from npusim.kernels.events import KINDS, EventCounts
from npusim.kernels.jit import readonly
from npusim.kernels.members import by_byte
from npusim.kernels.pipeline import run, run_stage
from npusim.kernels.plan import compile_pipeline
from npusim.kernels.records import COUNT, FIRST, of_nothing
from npusim.kernels.rescale import rescale
from npusim.kernels.tell import Teller, teller
from npusim.model import Shape
from npusim.spec.stages import BaseStage
from npusim.steps.base import Array
from npusim.steps.fields import PlainFields
from npusim.steps.pipelines import stage_points
from npusim.steps.probe import Probe

Words = npt.NDArray[np.int64]

Position = Callable[[int], int]
"""From an index into flat values to a flat position in the step's output; must be increasing."""


class Rescaler:
    """A compiled pipeline. It keeps no scratch: threads share it.

    Parameters
    ----------
    fields
        What the stages read, `activation` (an `ActivationBounds` value) included where clamps should
        know which bounds are an activation's.
    channels
        The length of a row of values.
    prefix
        Put before the names of its points.
    reach
        The greatest magnitude of any value that enters it, if that is known: then events of common lists
        are told from the values alone.

    Attributes
    ----------
    points
        The tap and event name of each stage.
    plan
        The pipeline as kernels run it.
    """

    def __init__(
        self,
        stages: tuple[BaseStage, ...],
        fields: PlainFields,
        channels: int,
        prefix: str = "",
        reach: int | None = None,
    ) -> None:
        self.points = stage_points(stages, prefix)
        self.plan = compile_pipeline(stages, fields, channels)
        self._reach = reach

    @cached_property
    def _told(self) -> tuple[Teller, tuple[Kind, ...]] | None:
        plan = None if self._reach is None else event_plan(self.plan, self._reach)
        return None if plan is None else (teller(plan, self.plan.wide.shape[1]), plan.kinds)

    def codes(
        self,
        values: Array,
        dtype: npt.DTypeLike,
        probe: Probe,
        base_index: int = 0,
        position: Position | None = None,
    ) -> Array:
        """Values to codes; counts events if the probe wants them.

        Parameters
        ----------
        values : integers[rows, channels]
            Accumulators, sums or codes; not changed.
        dtype
            That of the codes.
        base_index
            Where ``values[0, 0]`` stands in the step's flat output, when the rest follows it.
        position
            Where values stand when they do not follow each other; `base_index` is unused then.
        """
        if probe.counting and self._told is not None and values.dtype in (np.int32, np.int64):
            self._tell(*self._told, values, probe, base_index, position)
            return rescale(self.plan, values, dtype)
        events = self._events(probe)
        if values.dtype in (np.int32, np.int64):
            codes: Array = rescale(self.plan, values, dtype, events, base_index)
        else:
            codes = narrow(run(self.plan, widen(values), events, base_index), dtype)
        self._count(probe, events, base_index, position)
        return codes

    def _tell(
        self,
        told: Teller,
        kinds: tuple[Kind, ...],
        values: Array,
        probe: Probe,
        base_index: int,
        position: Position | None,
    ) -> None:
        """Count by looking at the values."""
        record = of_nothing()
        told.tell(np.ascontiguousarray(values).reshape(-1), record, base_index)
        for point in self.points:
            probe.count(point, {})
        for index, (stage, event) in enumerate(kinds):
            count, first = int(record[COUNT + index]), int(record[FIRST + index])
            if count:
                place = first if position is None else position(first - base_index)
                probe.count(self.points[stage], {event.value: (count, place)})

    def values(self, values: Array, probe: Probe, base_index: int = 0) -> Words:
        """As `codes`, for pipelines that do not end in codes: the int64 values after the last stage."""
        events = self._events(probe)
        made = run(self.plan, widen(values), events, base_index)
        self._count(probe, events, base_index, None)
        return made

    def by_byte(self, x: np.dtype[np.generic], codes: np.dtype[np.generic]) -> npt.NDArray[np.uint8]:
        """uint8[256]: what each byte of 8-bit codes becomes, where channels are alike."""
        every = by_byte(x).repeat(self.plan.channels).reshape(-1, self.plan.channels)
        made = np.ascontiguousarray(self.codes(every, codes, Probe())[:, 0])
        return readonly(made.view(np.uint8), np.uint8)

    def tap(self, values: Array, probe: Probe, shape: Shape) -> None:
        """Record the wanted points of a whole tensor, in its shape."""
        for point, made in self.stage_values(values, probe.wanted):
            probe.tap(point, made.reshape(shape))

    def stage_values(
        self, values: Array, wanted: frozenset[str] | None = None
    ) -> Iterator[tuple[str, Words]]:
        """The int64 values after each stage, with the stage's point.

        Parameters
        ----------
        values : integers[rows, channels]
            What enters the pipeline; not changed.
        wanted
            The points to give; None: all. Stages after the last wanted one are not run.
        """
        last = max(
            (i for i, point in enumerate(self.points) if wanted is None or point in wanted), default=-1
        )
        if last < 0:
            return
        current = widen(values)
        for index in range(last + 1):
            run_stage(self.plan, current, index)
            if wanted is None or self.points[index] in wanted:
                yield self.points[index], current.copy()

    def _events(self, probe: Probe) -> EventCounts | None:
        return EventCounts(len(self.points)) if probe.counting else None

    def _count(
        self, probe: Probe, events: EventCounts | None, base_index: int, position: Position | None
    ) -> None:
        if events is None:
            return
        for stage, point in enumerate(self.points):
            found = {}
            for event in KINDS:
                first = events.first_index(stage, event)
                if first is not None:
                    place = first if position is None else position(first - base_index)
                    found[event.value] = (events.count(stage, event), place)
            probe.count(point, found)
