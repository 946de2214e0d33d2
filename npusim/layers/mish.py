"""mish: ``x * tanh(log(1 + exp(x)))``."""

from __future__ import annotations

from fractions import Fraction
from typing import ClassVar, Literal

import mpmath
import numpy as np

from npusim.layers.base import FloatTensor
from npusim.layers.pointwise import PointwiseLayer
from npusim.tables import Exact, real


class Mish(PointwiseLayer):
    """Smooth, and below zero a little negative."""

    kind: ClassVar[str] = "mish"

    layer: Literal["mish"] = "mish"

    def function(self, x: FloatTensor) -> FloatTensor:
        made: FloatTensor = x * np.tanh(np.logaddexp(x, 0))
        return made

    def exact(self, x: Fraction) -> Exact:
        return real(x) * mpmath.tanh(mpmath.log1p(mpmath.exp(real(x))))
