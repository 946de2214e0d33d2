"""minimum: the smaller of two tensors, element by element."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np

from npusim.layers.base import FloatTensor
from npusim.layers.broadcasting import BroadcastingLayer
from npusim.layers.extremes import lower_extreme
from npusim.layers.lowering import Lowering
from npusim.moments import Moments
from npusim.steps.base import Step
from npusim.steps.minimum import MinimumStep


class Minimum(BroadcastingLayer):
    """The smaller of two elements."""

    kind: ClassVar[str] = "minimum"

    layer: Literal["minimum"] = "minimum"

    def function(self, a: FloatTensor, b: FloatTensor) -> FloatTensor:
        made: FloatTensor = np.minimum(a, b)
        return made

    def combined(self, a: Moments, b: Moments) -> Moments:
        return a.minimum(b)

    def lower(self, lowering: Lowering) -> list[Step]:
        return [lower_extreme(self, lowering, MinimumStep)]
