"""l2_normalization: a vector divided by its length. In float: no datapath has reciprocal square roots."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from npusim.arity import only
from npusim.axes import Axis, place
from npusim.layers.base import FloatTensor, Layer
from npusim.layers.lowering import Lowering
from npusim.layers.missing import host_only
from npusim.model import Shape
from npusim.steps.base import Step


class L2Normalization(Layer):
    """``x / max(sqrt(sum(x**2)), epsilon)`` along an axis."""

    kind: ClassVar[str] = "l2_normalization"

    layer: Literal["l2_normalization"] = "l2_normalization"
    axis: Axis = -1
    epsilon: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1e-12

    def output_shapes(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        shape = only(inputs)
        place(self.axis, shape)
        return (shape,)

    def forward(self, inputs: Sequence[FloatTensor]) -> tuple[FloatTensor, ...]:
        (x,) = inputs
        axis = 1 + place(self.axis, x.shape[1:])
        length = np.sqrt((x * x).sum(axis=axis, keepdims=True))
        return (x / np.maximum(length, x.dtype.type(self.epsilon)),)

    def lower(self, lowering: Lowering) -> list[Step]:
        raise host_only(lowering.datapath, self.kind, self.inputs[0])
