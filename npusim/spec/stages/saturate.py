"""A.saturate: clip to a width."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from npusim.spec.interval import Interval
from npusim.spec.stages.base import BaseStage, Events, Fields, Ranges
from npusim.spec.width import Width, saturate


@dataclass(frozen=True, kw_only=True)
class Saturate(BaseStage):
    """The nearest value that fits `to` bits (signed unless `to_signed` is false)."""

    stage: Literal["saturate"] = "saturate"
    to: int
    to_signed: bool = True

    def exact(self, value: int, fields: Fields) -> tuple[int, Events]:
        return saturate(value, Width(self.to, self.to_signed))

    def exact_reach(self, value: Interval, ranges: Ranges) -> Interval:
        return value.clamped(Interval.of(Width(self.to, self.to_signed)))
