"""l2_normalization: a vector divided by its length. On the host where the datapath has no such pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from npusim.arity import only
from npusim.axes import Axis, place
from npusim.layers.base import FloatTensor
from npusim.layers.host import HostLayer
from npusim.layers.lowering import Lowering
from npusim.layers.missing import host_only
from npusim.model import Shape
from npusim.moments import Moments
from npusim.quantization import Quantization
from npusim.spec.interval import Interval
from npusim.steps.base import Step
from npusim.steps.l2_normalization import L2NormalizationStep

_UNITS = 128
"""To one, of the result's codes."""


class L2Normalization(HostLayer):
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

    def sized_moments(self, inputs: Sequence[Moments], shapes: Sequence[Shape]) -> Moments:
        """Divided by the length that mean squares give, between -1 and 1."""
        (x,), (shape,) = inputs, shapes
        at = place(self.axis, shape)
        squares = x.variance + x.mean**2
        if at == len(shape) - 1:
            squares = np.full(x.mean.size, squares.mean())
        length = np.maximum(np.sqrt(squares * shape[at]), self.epsilon)
        return x.scaled(1 / length).clipped(-1.0, 1.0)

    def meaning(self, codes: Interval) -> Quantization:
        """Units of 1/128 around the middle code."""
        return Quantization(1 / _UNITS, codes.low + (codes.high - codes.low + 1) // 2)

    def lower(self, lowering: Lowering) -> list[Step]:
        (x,), (y,) = self.inputs, self.outputs
        shape = lowering.shapes[x]
        if not self.computed_on(lowering.datapath, shape):
            raise host_only(lowering.datapath, f"{self.kind} over axis {self.axis}", x)
        fields, _ = lowering.output_fields(y)
        fields |= lowering.input_fields(x)
        return [L2NormalizationStep(name=self.name, inputs=self.inputs, output=y, fields=fields)]
