"""A.wrap: keep the low bits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from npusim.spec.interval import Interval
from npusim.spec.stages.base import BaseStage, Events, Fields, Ranges
from npusim.spec.width import Width, wrap


@dataclass(frozen=True, kw_only=True)
class Wrap(BaseStage):
    """The value modulo 2**`to`, read as signed unless `to_signed` is false."""

    stage: Literal["wrap"] = "wrap"
    to: int
    to_signed: bool = True

    def exact(self, value: int, fields: Fields) -> tuple[int, Events]:
        return wrap(value, Width(self.to, self.to_signed))

    def exact_reach(self, value: Interval, ranges: Ranges) -> Interval:
        register = Interval.of(Width(self.to, self.to_signed))
        return value if value.within(register) else register
