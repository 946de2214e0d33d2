"""clip: ``min(max(x, low), high)``."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from npusim.layers.clipping import ClippingLayer
from npusim.layers.lowering import Clip as Bounds

Bound = Annotated[float, Field(allow_inf_nan=False)]


class Clip(ClippingLayer):
    """Nothing below `low`, nothing above `high`; null: no bound on that side."""

    kind: ClassVar[str] = "clip"

    layer: Literal["clip"] = "clip"
    low: Bound | None = None
    high: Bound | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Clip:
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"low is {self.low:g}, above high, {self.high:g}")
        return self

    @property
    def bounds(self) -> Bounds:
        return self.low, self.high
