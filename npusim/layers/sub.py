"""sub: the difference of two tensors."""

from __future__ import annotations

from typing import ClassVar, Literal

from npusim.layers.base import FloatTensor
from npusim.layers.broadcasting import BroadcastingLayer


class Sub(BroadcastingLayer):
    """The first tensor minus the second."""

    kind: ClassVar[str] = "sub"

    layer: Literal["sub"] = "sub"

    def function(self, a: FloatTensor, b: FloatTensor) -> FloatTensor:
        return a - b
