"""A.divide: by a count, which is no power of two."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from npusim.spec.events import NO_EVENTS, Event
from npusim.spec.interval import Interval
from npusim.spec.rounding import Rounding, divide
from npusim.spec.stages.base import BaseStage, Events, Fields, Operand, Ranges, range_of, value_of


@dataclass(frozen=True, kw_only=True)
class Divide(BaseStage):
    """``value / by``, rounded by `rounding` (A1 for any denominator); a `by` below 1 is an error (A3)."""

    stage: Literal["divide"] = "divide"
    by: Operand
    rounding: Rounding

    def operands(self) -> tuple[Operand, ...]:
        return (self.by,)

    def exact(self, value: int, fields: Fields) -> tuple[int, Events]:
        by = value_of(self.by, fields)
        if by < 1:
            raise ValueError(f"divide by {by}: the divisor must be positive (A3)")
        rest = value % by
        if not rest:
            return value // by, NO_EVENTS
        events = frozenset({Event.ROUNDED, Event.TIE} if 2 * rest == by else {Event.ROUNDED})
        return divide(value, by, self.rounding), events

    def exact_reach(self, value: Interval, ranges: Ranges) -> Interval:
        by = range_of(self.by, ranges)
        # Monotone in the value for each divisor, and shrinking towards the rule's limit as it grows.
        corners = [
            divide(v, max(n, 1), self.rounding) for v in (value.low, value.high) for n in (by.low, by.high)
        ]
        return Interval(min(corners), max(corners))
