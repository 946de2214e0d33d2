"""celu: ``x``, below zero ``alpha * (exp(x / alpha) - 1)``."""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, ClassVar, Literal

import mpmath
import numpy as np
from pydantic import Field

from npusim.layers.base import FloatTensor
from npusim.layers.pointwise import PointwiseLayer
from npusim.tables import Exact, real


class Celu(PointwiseLayer):
    """An elu whose slope has no step at zero, whatever alpha (Barron, arXiv 1704.07483)."""

    kind: ClassVar[str] = "celu"

    layer: Literal["celu"] = "celu"
    alpha: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0

    def function(self, x: FloatTensor) -> FloatTensor:
        made: FloatTensor = np.where(x < 0, self.alpha * np.expm1(np.minimum(x, 0) / self.alpha), x)
        return made

    def exact(self, x: Fraction) -> Exact:
        return x if x >= 0 else self.alpha * mpmath.expm1(real(x / Fraction(self.alpha)))
