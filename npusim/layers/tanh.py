"""tanh: the hyperbolic tangent."""

from __future__ import annotations

from fractions import Fraction
from typing import ClassVar, Literal

import mpmath
import numpy as np

from npusim.layers.base import FloatTensor
from npusim.layers.pointwise import PointwiseLayer
from npusim.tables import Exact, real


class Tanh(PointwiseLayer):
    """From -1 to 1."""

    kind: ClassVar[str] = "tanh"

    layer: Literal["tanh"] = "tanh"

    def function(self, x: FloatTensor) -> FloatTensor:
        made: FloatTensor = np.tanh(x)
        return made

    def exact(self, x: Fraction) -> Exact:
        return mpmath.tanh(real(x))
