"""A.clamp: to two fields; the fused activation (A4 says how its clips are counted)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from npusim.spec.activation import ActivationBounds
from npusim.spec.events import NO_EVENTS, Event, Events
from npusim.spec.interval import Interval
from npusim.spec.stages.base import BaseStage, Fields, Operand, Ranges, range_of, value_of


@dataclass(frozen=True, kw_only=True)
class Clamp(BaseStage):
    """``min(max(value, low), high)``; bounds that cross are an error of the program (A3).

    The field ``activation`` (0 none, 1 low, 2 high, 3 both; absent: none) says which bounds belong to
    an activation function: a clip there is the event `activation`, elsewhere it is a saturation.
    """

    stage: Literal["clamp"] = "clamp"
    low: Operand
    high: Operand

    def operands(self) -> tuple[Operand, ...]:
        return (self.low, self.high)

    def exact(self, value: int, fields: Fields) -> tuple[int, Events]:
        low, high = value_of(self.low, fields), value_of(self.high, fields)
        bounds = ActivationBounds(value_of("activation", fields) if "activation" in fields else 0)
        if value < low:
            event = Event.ACTIVATION if ActivationBounds.LOW in bounds else Event.SATURATED_LOW
            return low, frozenset({event})
        if value > high:
            event = Event.ACTIVATION if ActivationBounds.HIGH in bounds else Event.SATURATED_HIGH
            return high, frozenset({event})
        return value, NO_EVENTS

    def exact_reach(self, value: Interval, ranges: Ranges) -> Interval:
        low, high = range_of(self.low, ranges), range_of(self.high, ranges)
        # A bound can move a value past the whole entering range: 0 clamped to 3..5 is 3. The least
        # result takes the least bounds that do not cross, the greatest result the greatest ones.
        least = Interval(low.low, max(high.low, low.low))
        greatest = Interval(min(low.high, high.high), high.high)
        return Interval(value.clamped(least).low, value.clamped(greatest).high)
