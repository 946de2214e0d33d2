"""add: the sum of two tensors."""

from __future__ import annotations

from typing import ClassVar, Literal

from npusim.layers.base import FloatTensor
from npusim.layers.broadcasting import BroadcastingLayer
from npusim.layers.lowering import Lowering
from npusim.layers.sums import lower_sum
from npusim.moments import Moments
from npusim.steps.add import AddStep
from npusim.steps.base import Step


class Add(BroadcastingLayer):
    """Two tensors, element by element; a residual connection."""

    kind: ClassVar[str] = "add"

    layer: Literal["add"] = "add"

    def function(self, a: FloatTensor, b: FloatTensor) -> FloatTensor:
        return a + b

    def combined(self, a: Moments, b: Moments) -> Moments:
        return a.plus(b)

    def lower(self, lowering: Lowering) -> list[Step]:
        return [lower_sum(self, lowering, AddStep)]
