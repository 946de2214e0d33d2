"""relu6: ``min(max(x, 0), 6)``."""

from __future__ import annotations

from typing import ClassVar, Literal

from npusim.layers.clipping import ClippingLayer
from npusim.layers.lowering import Clip


class Relu6(ClippingLayer):
    """Nothing below zero, nothing above six."""

    kind: ClassVar[str] = "relu6"

    layer: Literal["relu6"] = "relu6"

    @property
    def bounds(self) -> Clip:
        return 0.0, 6.0
