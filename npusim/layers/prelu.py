"""prelu: ``x``, below zero ``slope * x`` with a slope of each channel's own."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import ClassVar, Literal

import numpy as np

from npusim.arity import only
from npusim.errors import InputError
from npusim.files.arrays import FloatVector
from npusim.layers.add import Add
from npusim.layers.base import FloatTensor, Layer
from npusim.layers.channel_gain import channel_gain
from npusim.layers.clip import Clip
from npusim.layers.pointwise import PointwiseLayer
from npusim.layers.relu import Relu
from npusim.model import Shape
from npusim.tables import Exact


class Prelu(PointwiseLayer):
    """A leaky relu with learned slopes.

    Attributes
    ----------
    slope
        One per channel.
    """

    kind: ClassVar[str] = "prelu"

    layer: Literal["prelu"] = "prelu"
    slope: FloatVector

    def output_shapes(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        shape = only(inputs)
        if self.slope.shape != shape[-1:]:
            raise InputError(
                "one slope per channel is wanted",
                key="slope",
                found=self.slope.shape,
                allowed=f"{shape[-1:]}",
            )
        return (shape,)

    def function(self, x: FloatTensor) -> FloatTensor:
        made: FloatTensor = np.where(x < 0, self.slope.astype(x.dtype) * x, x)
        return made

    def exact(self, x: Fraction) -> Exact:
        """With one slope for all channels: a table holds one function (W8)."""
        return x if x >= 0 else x * Fraction(float(self.slope[0]))

    def parts(self, shape: Shape) -> tuple[Layer, ...]:
        """``max(x, 0) + slope * min(x, 0)``: for slopes that differ, which no table of a layer holds."""
        if np.all(self.slope == self.slope[0]):
            return (self,)
        (x,) = self.inputs
        positive, negative, scaled = (f"{self.name}.{part}" for part in ("positive", "negative", "scaled"))
        return (
            Relu(name=positive, inputs=(x,)),
            Clip(name=negative, inputs=(x,), high=0.0),
            channel_gain(scaled, negative, shape, self.slope.astype(np.float64)),
            Add(name=self.name, inputs=(positive, scaled), output=self.output),
        )
