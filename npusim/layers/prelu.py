"""prelu: ``x``, below zero ``slope * x`` with a slope of each channel's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np

from npusim.arity import only
from npusim.errors import InputError
from npusim.files.arrays import FloatVector
from npusim.layers.base import FloatTensor
from npusim.layers.pointwise import PointwiseLayer
from npusim.model import Shape


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
