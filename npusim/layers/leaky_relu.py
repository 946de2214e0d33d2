"""leaky_relu: ``x``, below zero ``alpha * x``."""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from npusim.layers.base import FloatTensor
from npusim.layers.pointwise import PointwiseLayer
from npusim.tables import Exact


class LeakyRelu(PointwiseLayer):
    """A relu that lets something through."""

    kind: ClassVar[str] = "leaky_relu"

    layer: Literal["leaky_relu"] = "leaky_relu"
    alpha: Annotated[float, Field(allow_inf_nan=False)] = 0.01

    def function(self, x: FloatTensor) -> FloatTensor:
        made: FloatTensor = np.where(x < 0, self.alpha * x, x)
        return made

    def exact(self, x: Fraction) -> Exact:
        return x if x >= 0 else x * Fraction(self.alpha)
