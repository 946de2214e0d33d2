"""pad: a constant around a tensor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from npusim.arity import only
from npusim.layers.base import FloatTensor, Layer
from npusim.layers.lowering import Lowering
from npusim.model import Shape
from npusim.moments import Moments
from npusim.steps.base import Step
from npusim.steps.pad import AxisPads, PadStep, padded_shape


class Pad(Layer):
    """Put `value` before and after a tensor along every axis.

    Attributes
    ----------
    pads
        (before, after) of every axis, without the batch.
    value
        In integers: its code, clipped to the range of the input's codes.
    """

    kind: ClassVar[str] = "pad"
    keeps_codes: ClassVar[bool] = True

    layer: Literal["pad"] = "pad"
    pads: AxisPads
    value: Annotated[float, Field(allow_inf_nan=False)] = 0.0

    def output_shapes(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        return (padded_shape(only(inputs), self.pads),)

    def forward(self, inputs: Sequence[FloatTensor]) -> tuple[FloatTensor, ...]:
        (x,) = inputs
        return (np.pad(x, ((0, 0), *self.pads), constant_values=self.value),)

    def moments(self, inputs: Sequence[Moments]) -> Moments:
        """The input's; channels that are all padding are constant. Borders are left out of account."""
        before, after = self.pads[-1]
        parts = [Moments.constant(self.value, n) for n in (before, after)]
        return Moments.join([parts[0], inputs[0], parts[1]])

    def lower(self, lowering: Lowering) -> list[Step]:
        (y,) = self.outputs
        value = lowering.code(y, self.value)
        return [PadStep(name=self.name, inputs=self.inputs, output=y, pads=self.pads, value=value)]
