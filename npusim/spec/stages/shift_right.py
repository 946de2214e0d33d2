"""A.shift_right: divide by a power of two, rounding once (A1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from npusim.spec.interval import Interval
from npusim.spec.rounding import Rounding, shift_right
from npusim.spec.stages.base import BaseStage, Events, Fields, Operand, Ranges, range_of, value_of


@dataclass(frozen=True, kw_only=True)
class ShiftRight(BaseStage):
    """``value / 2**sum(by)``, rounded by `rounding`: one field or a sum of fields."""

    stage: Literal["shift_right"] = "shift_right"
    by: tuple[Operand, ...]
    rounding: Rounding

    def operands(self) -> tuple[Operand, ...]:
        return self.by

    def exact(self, value: int, fields: Fields) -> tuple[int, Events]:
        return shift_right(value, sum(value_of(operand, fields) for operand in self.by), self.rounding)

    def exact_reach(self, value: Interval, ranges: Ranges) -> Interval:
        total = sum((range_of(operand, ranges) for operand in self.by), start=Interval(0, 0))
        # Monotone in the value for each shift, and shrinking towards the rule's limit as the shift
        # grows, so the corners hold the extremes; both neighbours of zero are reachable in between.
        corners = [
            shift_right(v, max(n, 0), self.rounding)[0]
            for v in (value.low, value.high)
            for n in (total.low, total.high)
        ]
        return Interval(min(corners), max(corners))
