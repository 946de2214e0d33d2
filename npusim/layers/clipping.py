"""What relu, relu6 and clip share: they only clip."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from npusim.arity import only
from npusim.layers.base import FloatTensor, Layer
from npusim.layers.lowering import Clip, Lowering
from npusim.model import Shape
from npusim.moments import Moments
from npusim.steps.base import Step
from npusim.steps.clamp import ClampStep


class ClippingLayer(Layer):
    """``min(max(x, low), high)``: fused into the layer before it, or a clamp of codes."""

    keeps_codes: ClassVar[bool] = True

    @property
    def bounds(self) -> Clip:
        """(low, high); None: no bound."""
        raise NotImplementedError

    def output_shapes(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        return (only(inputs),)

    def forward(self, inputs: Sequence[FloatTensor]) -> tuple[FloatTensor, ...]:
        low, high = self.bounds
        return (inputs[0] if low is None and high is None else np.clip(inputs[0], low, high),)

    def moments(self, inputs: Sequence[Moments]) -> Moments:
        return inputs[0].clipped(*self.bounds)

    def lower(self, lowering: Lowering) -> list[Step]:
        fields, activation = lowering.output_fields(self.outputs[0], self.bounds)
        return [
            ClampStep(
                name=self.name,
                inputs=self.inputs,
                output=self.outputs[0],
                low=int(fields["low"]),
                high=int(fields["high"]),
                activation=activation,
            )
        ]
