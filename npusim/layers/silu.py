"""silu: ``x * sigmoid(x)``, also called swish."""

from __future__ import annotations

from typing import ClassVar, Literal

from npusim.layers.base import FloatTensor
from npusim.layers.logistic import logistic
from npusim.layers.pointwise import PointwiseLayer


class Silu(PointwiseLayer):
    """Smooth, and below zero a little negative."""

    kind: ClassVar[str] = "silu"

    layer: Literal["silu"] = "silu"

    def function(self, x: FloatTensor) -> FloatTensor:
        made: FloatTensor = x * logistic(x)
        return made
