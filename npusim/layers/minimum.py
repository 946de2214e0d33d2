"""minimum: the smaller of two tensors, element by element."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np

from npusim.layers.base import FloatTensor
from npusim.layers.broadcasting import BroadcastingLayer


class Minimum(BroadcastingLayer):
    """The smaller of two elements."""

    kind: ClassVar[str] = "minimum"

    layer: Literal["minimum"] = "minimum"

    def function(self, a: FloatTensor, b: FloatTensor) -> FloatTensor:
        made: FloatTensor = np.minimum(a, b)
        return made
