"""A.select_negative: the prelu and leaky paths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from npusim.spec.interval import Interval
from npusim.spec.stages.base import NO_EVENTS, BaseStage, Events, Fields, Operand, Ranges, range_of, value_of


@dataclass(frozen=True, kw_only=True)
class SelectNegative(BaseStage):
    """``value * positive`` for a value of zero or more, ``value * negative`` below zero."""

    stage: Literal["select_negative"] = "select_negative"
    positive: Operand = 1
    negative: Operand

    def operands(self) -> tuple[Operand, ...]:
        return (self.positive, self.negative)

    def exact(self, value: int, fields: Fields) -> tuple[int, Events]:
        chosen = self.positive if value >= 0 else self.negative
        return value * value_of(chosen, fields), NO_EVENTS

    def exact_reach(self, value: Interval, ranges: Ranges) -> Interval:
        reached = []
        if value.high >= 0:
            reached.append(Interval(max(value.low, 0), value.high) * range_of(self.positive, ranges))
        if value.low < 0:
            reached.append(Interval(value.low, min(value.high, -1)) * range_of(self.negative, ranges))
        return reached[0] if len(reached) == 1 else reached[0].hull(reached[1])
