"""sub: the difference of two tensors."""

from __future__ import annotations

from typing import ClassVar, Literal

from npusim.layers.base import FloatTensor
from npusim.layers.broadcasting import BroadcastingLayer
from npusim.layers.lowering import Lowering
from npusim.layers.sums import lower_sum
from npusim.moments import Moments
from npusim.steps.base import Step
from npusim.steps.sub import SubStep


class Sub(BroadcastingLayer):
    """The first tensor minus the second."""

    kind: ClassVar[str] = "sub"

    layer: Literal["sub"] = "sub"

    def function(self, a: FloatTensor, b: FloatTensor) -> FloatTensor:
        return a - b

    def combined(self, a: Moments, b: Moments) -> Moments:
        return a.plus(b.negative())

    def lower(self, lowering: Lowering) -> list[Step]:
        return [lower_sum(self, lowering, SubStep)]
