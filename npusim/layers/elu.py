"""elu: ``x``, below zero ``alpha * (exp(x) - 1)``."""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, ClassVar, Literal

import mpmath
import numpy as np
from pydantic import Field

from npusim.layers.base import FloatTensor
from npusim.layers.pointwise import PointwiseLayer
from npusim.tables import Exact, real


class Elu(PointwiseLayer):
    """A relu with a smooth end."""

    kind: ClassVar[str] = "elu"

    layer: Literal["elu"] = "elu"
    alpha: Annotated[float, Field(allow_inf_nan=False)] = 1.0

    def function(self, x: FloatTensor) -> FloatTensor:
        made: FloatTensor = np.where(x < 0, self.alpha * np.expm1(np.minimum(x, 0)), x)
        return made

    def exact(self, x: Fraction) -> Exact:
        return x if x >= 0 else self.alpha * mpmath.expm1(real(x))
