"""selu: ``gamma * x``, below zero ``gamma * alpha * (exp(x) - 1)``."""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, ClassVar, Literal

import mpmath
import numpy as np
from pydantic import Field

from npusim.layers.base import FloatTensor
from npusim.layers.pointwise import PointwiseLayer
from npusim.tables import Exact, real

Number = Annotated[float, Field(allow_inf_nan=False)]


class Selu(PointwiseLayer):
    """A scaled elu that keeps mean and variance (Klambauer et al., arXiv 1706.02515)."""

    kind: ClassVar[str] = "selu"

    layer: Literal["selu"] = "selu"
    alpha: Number = 1.6732632423543772
    gamma: Number = 1.0507009873554805

    def function(self, x: FloatTensor) -> FloatTensor:
        made: FloatTensor = self.gamma * np.where(x < 0, self.alpha * np.expm1(np.minimum(x, 0)), x)
        return made

    def exact(self, x: Fraction) -> Exact:
        if x >= 0:
            return x * Fraction(self.gamma)
        return mpmath.mpf(self.gamma) * mpmath.mpf(self.alpha) * mpmath.expm1(real(x))
