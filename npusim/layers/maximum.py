"""maximum: the larger of two tensors, element by element."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np

from npusim.layers.base import FloatTensor
from npusim.layers.broadcasting import BroadcastingLayer


class Maximum(BroadcastingLayer):
    """The larger of two elements."""

    kind: ClassVar[str] = "maximum"

    layer: Literal["maximum"] = "maximum"

    def function(self, a: FloatTensor, b: FloatTensor) -> FloatTensor:
        made: FloatTensor = np.maximum(a, b)
        return made
