"""gelu: x times the normal distribution function of x, or its tanh approximation."""

from __future__ import annotations

from enum import StrEnum
from fractions import Fraction
from math import erf, pi, sqrt
from typing import ClassVar, Literal

import mpmath
import numpy as np

from npusim.layers.base import FloatTensor
from npusim.layers.pointwise import PointwiseLayer
from npusim.tables import Exact, real

_erf = np.vectorize(erf, otypes=[np.float64])


class GeluForm(StrEnum):
    """Which gelu."""

    ERF = "erf"
    TANH = "tanh"


class Gelu(PointwiseLayer):
    """Smooth, and below zero a little negative.

    Attributes
    ----------
    form
        ``x * (1 + erf(x / sqrt(2))) / 2``, or its approximation by a tanh.
    """

    kind: ClassVar[str] = "gelu"

    layer: Literal["gelu"] = "gelu"
    form: GeluForm = GeluForm.ERF

    def function(self, x: FloatTensor) -> FloatTensor:
        if self.form is GeluForm.ERF:
            inner = _erf(x / sqrt(2))
        else:
            inner = np.tanh(sqrt(2 / pi) * (x + 0.044715 * x**3))
        made: FloatTensor = 0.5 * x * (1 + inner)
        return made

    def exact(self, x: Fraction) -> Exact:
        argument = real(x)
        if self.form is GeluForm.ERF:
            return argument * (1 + mpmath.erf(argument / mpmath.sqrt(2))) / 2
        inner = mpmath.sqrt(2 / mpmath.pi) * (argument + mpmath.mpf("0.044715") * argument**3)
        return argument * (1 + mpmath.tanh(inner)) / 2
