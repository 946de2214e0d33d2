"""mul: the product of two tensors, element by element."""

from __future__ import annotations

from typing import ClassVar, Literal

from npusim.layers.base import FloatTensor
from npusim.layers.broadcasting import BroadcastingLayer


class Mul(BroadcastingLayer):
    """A gate, such as squeeze-and-excite has: one factor per channel."""

    kind: ClassVar[str] = "mul"

    layer: Literal["mul"] = "mul"

    def function(self, a: FloatTensor, b: FloatTensor) -> FloatTensor:
        return a * b
