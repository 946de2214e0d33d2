"""tanh: the hyperbolic tangent."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np

from npusim.layers.base import FloatTensor
from npusim.layers.pointwise import PointwiseLayer


class Tanh(PointwiseLayer):
    """From -1 to 1."""

    kind: ClassVar[str] = "tanh"

    layer: Literal["tanh"] = "tanh"

    def function(self, x: FloatTensor) -> FloatTensor:
        made: FloatTensor = np.tanh(x)
        return made
