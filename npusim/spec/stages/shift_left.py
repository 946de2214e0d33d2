"""A.shift_left: times a power of two, by field or constant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from npusim.spec.interval import Interval
from npusim.spec.stages.base import NO_EVENTS, BaseStage, Events, Fields, Operand, Ranges, range_of, value_of


@dataclass(frozen=True, kw_only=True)
class ShiftLeft(BaseStage):
    """``value * 2**by``."""

    stage: Literal["shift_left"] = "shift_left"
    by: Operand

    def operands(self) -> tuple[Operand, ...]:
        return (self.by,)

    def exact(self, value: int, fields: Fields) -> tuple[int, Events]:
        return value << value_of(self.by, fields), NO_EVENTS

    def exact_reach(self, value: Interval, ranges: Ranges) -> Interval:
        shift = range_of(self.by, ranges)
        return value * Interval(1 << max(shift.low, 0), 1 << max(shift.high, 0))
