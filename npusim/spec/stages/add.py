"""A.add: plus a bias, a zero point or a constant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from npusim.spec.interval import Interval
from npusim.spec.stages.base import NO_EVENTS, BaseStage, Events, Fields, Operand, Ranges, range_of, value_of


@dataclass(frozen=True, kw_only=True)
class Add(BaseStage):
    """``value + operand``."""

    stage: Literal["add"] = "add"
    operand: Operand

    def operands(self) -> tuple[Operand, ...]:
        return (self.operand,)

    def exact(self, value: int, fields: Fields) -> tuple[int, Events]:
        return value + value_of(self.operand, fields), NO_EVENTS

    def exact_reach(self, value: Interval, ranges: Ranges) -> Interval:
        return value + range_of(self.operand, ranges)
