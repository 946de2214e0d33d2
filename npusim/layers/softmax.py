"""softmax: shares that add up to one. On the host (W8): imported networks that end in it end before it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np

from npusim.arity import only
from npusim.axes import Axis, place
from npusim.layers.base import FloatTensor, Layer
from npusim.layers.lowering import Lowering
from npusim.layers.missing import host_only
from npusim.model import Shape
from npusim.steps.base import Step


class Softmax(Layer):
    """``exp(x)`` divided by its sum along an axis."""

    kind: ClassVar[str] = "softmax"

    layer: Literal["softmax"] = "softmax"
    axis: Axis = -1

    def output_shapes(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        shape = only(inputs)
        place(self.axis, shape)
        return (shape,)

    def forward(self, inputs: Sequence[FloatTensor]) -> tuple[FloatTensor, ...]:
        (x,) = inputs
        axis = 1 + place(self.axis, x.shape[1:])
        powers = np.exp(x - x.max(axis=axis, keepdims=True))
        return (powers / powers.sum(axis=axis, keepdims=True),)

    def lower(self, lowering: Lowering) -> list[Step]:
        raise host_only(lowering.datapath, self.kind, self.inputs[0])
