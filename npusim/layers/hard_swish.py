"""hard_swish: ``x * clip(x + 3, 0, 6) / 6``."""

from __future__ import annotations

from fractions import Fraction
from typing import ClassVar, Literal

import numpy as np

from npusim.layers.base import FloatTensor
from npusim.layers.pointwise import PointwiseLayer
from npusim.tables import Exact


class HardSwish(PointwiseLayer):
    """A silu of three pieces."""

    kind: ClassVar[str] = "hard_swish"

    layer: Literal["hard_swish"] = "hard_swish"

    def function(self, x: FloatTensor) -> FloatTensor:
        made: FloatTensor = x * np.clip(x + 3, 0, 6) / 6
        return made

    def exact(self, x: Fraction) -> Exact:
        return x * min(max(x + 3, Fraction(0)), Fraction(6)) / 6
