"""The interpreter: a pipeline is an ordered list of stages (ARITHMETIC.md A)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from npusim.spec.events import Events
from npusim.spec.interval import Interval
from npusim.spec.stages import BaseStage, Fields, Ranges


@dataclass(frozen=True)
class Trace:
    """What a pipeline made of one value: after each stage its value and its events."""

    values: tuple[int, ...]
    events: tuple[Events, ...]

    @property
    def result(self) -> int:
        """The value after the last stage."""
        return self.values[-1]


def run(pipeline: Sequence[BaseStage], value: int, fields: Fields) -> Trace:
    """Send one value through a pipeline.

    Examples
    --------
    >>> from npusim.spec.rounding import Rounding
    >>> from npusim.spec.stages import Multiply, ShiftRight
    >>> stages = [Multiply(by="multiplier"), ShiftRight(by=("shift",), rounding=Rounding.HALF_UP)]
    >>> run(stages, -7, {"multiplier": 3, "shift": 1}).values
    (-21, -10)
    """
    values: list[int] = []
    happened: list[Events] = []
    for stage in pipeline:
        value, events = stage.apply(value, fields)
        values.append(value)
        happened.append(events)
    return Trace(tuple(values), tuple(happened))


def reach(pipeline: Sequence[BaseStage], value: Interval, ranges: Ranges) -> tuple[Interval, ...]:
    """A2: the range after each stage, for all values and all fields."""
    reached = []
    for stage in pipeline:
        value = stage.reach(value, ranges)
        reached.append(value)
    return tuple(reached)
