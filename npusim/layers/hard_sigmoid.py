"""hard_sigmoid: ``clip(alpha * x + beta, 0, 1)``."""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from npusim.layers.base import FloatTensor
from npusim.layers.pointwise import PointwiseLayer
from npusim.tables import Exact


class HardSigmoid(PointwiseLayer):
    """A sigmoid of three straight lines."""

    kind: ClassVar[str] = "hard_sigmoid"

    layer: Literal["hard_sigmoid"] = "hard_sigmoid"
    alpha: Annotated[float, Field(allow_inf_nan=False)] = 1 / 6
    beta: Annotated[float, Field(allow_inf_nan=False)] = 0.5

    def function(self, x: FloatTensor) -> FloatTensor:
        made: FloatTensor = np.clip(self.alpha * x + self.beta, 0, 1)
        return made

    def exact(self, x: Fraction) -> Exact:
        return min(max(Fraction(self.alpha) * x + Fraction(self.beta), Fraction(0)), Fraction(1))
