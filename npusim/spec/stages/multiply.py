"""A.multiply: times the multiplier field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from npusim.spec.interval import Interval
from npusim.spec.stages.base import NO_EVENTS, BaseStage, Events, Fields, Operand, Ranges, range_of, value_of


@dataclass(frozen=True, kw_only=True)
class Multiply(BaseStage):
    """``value * by``, exactly; `bits` declares the product's width."""

    stage: Literal["multiply"] = "multiply"
    by: Operand

    def operands(self) -> tuple[Operand, ...]:
        return (self.by,)

    def exact(self, value: int, fields: Fields) -> tuple[int, Events]:
        return value * value_of(self.by, fields), NO_EVENTS

    def exact_reach(self, value: Interval, ranges: Ranges) -> Interval:
        return value * range_of(self.by, ranges)
