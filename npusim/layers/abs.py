"""abs: how far a number is from zero."""

from __future__ import annotations

from fractions import Fraction
from typing import ClassVar, Literal

import numpy as np

from npusim.layers.base import FloatTensor
from npusim.layers.pointwise import PointwiseLayer
from npusim.tables import Exact


class Abs(PointwiseLayer):
    """Without the sign."""

    kind: ClassVar[str] = "abs"

    layer: Literal["abs"] = "abs"

    def function(self, x: FloatTensor) -> FloatTensor:
        made: FloatTensor = np.abs(x)
        return made

    def exact(self, x: Fraction) -> Exact:
        return abs(x)
