"""silu: ``x * sigmoid(x)``, also called swish."""

from __future__ import annotations

from fractions import Fraction
from typing import ClassVar, Literal

import mpmath

from npusim.layers.base import FloatTensor
from npusim.layers.logistic import logistic
from npusim.layers.pointwise import PointwiseLayer
from npusim.tables import Exact, real


class Silu(PointwiseLayer):
    """Smooth, and below zero a little negative."""

    kind: ClassVar[str] = "silu"

    layer: Literal["silu"] = "silu"

    def function(self, x: FloatTensor) -> FloatTensor:
        made: FloatTensor = x * logistic(x)
        return made

    def exact(self, x: Fraction) -> Exact:
        return real(x) / (1 + mpmath.exp(-real(x)))
