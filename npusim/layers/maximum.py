"""maximum: the larger of two tensors, element by element."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np

from npusim.layers.base import FloatTensor
from npusim.layers.broadcasting import BroadcastingLayer
from npusim.layers.extremes import lower_extreme
from npusim.layers.lowering import Lowering
from npusim.moments import Moments
from npusim.steps.base import Step
from npusim.steps.maximum import MaximumStep


class Maximum(BroadcastingLayer):
    """The larger of two elements."""

    kind: ClassVar[str] = "maximum"

    layer: Literal["maximum"] = "maximum"

    def function(self, a: FloatTensor, b: FloatTensor) -> FloatTensor:
        made: FloatTensor = np.maximum(a, b)
        return made

    def combined(self, a: Moments, b: Moments) -> Moments:
        return a.maximum(b)

    def lower(self, lowering: Lowering) -> list[Step]:
        return [lower_extreme(self, lowering, MaximumStep)]
