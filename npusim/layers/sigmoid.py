"""sigmoid: ``1 / (1 + exp(-x))``."""

from __future__ import annotations

from fractions import Fraction
from typing import ClassVar, Literal

import mpmath

from npusim.layers.base import FloatTensor
from npusim.layers.logistic import logistic
from npusim.layers.pointwise import PointwiseLayer
from npusim.tables import Exact, real


class Sigmoid(PointwiseLayer):
    """From 0 to 1."""

    kind: ClassVar[str] = "sigmoid"

    layer: Literal["sigmoid"] = "sigmoid"

    def function(self, x: FloatTensor) -> FloatTensor:
        made: FloatTensor = logistic(x)
        return made

    def exact(self, x: Fraction) -> Exact:
        return 1 / (1 + mpmath.exp(-real(x)))
