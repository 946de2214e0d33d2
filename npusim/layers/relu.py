"""relu: ``max(x, 0)``."""

from __future__ import annotations

from typing import ClassVar, Literal

from npusim.layers.clipping import ClippingLayer
from npusim.layers.lowering import Clip


class Relu(ClippingLayer):
    """Nothing below zero."""

    kind: ClassVar[str] = "relu"

    layer: Literal["relu"] = "relu"

    @property
    def bounds(self) -> Clip:
        return 0.0, None
