"""constant: a tensor that is stored, such as a position embedding that is added."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np

from npusim.errors import InputError
from npusim.files.arrays import FloatArray
from npusim.layers.base import FloatTensor, Layer
from npusim.layers.lowering import Lowering
from npusim.model import Name, Shape
from npusim.moments import Moments
from npusim.steps.base import Step
from npusim.steps.constant import ConstantStep


class Constant(Layer):
    """The same values for every image; it reads nothing.

    Attributes
    ----------
    values
        In the output's shape, without the batch.
    """

    kind: ClassVar[str] = "constant"

    layer: Literal["constant"] = "constant"
    inputs: tuple[Name, ...] = ()
    values: FloatArray

    def output_shapes(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        if inputs:
            raise InputError("a constant reads nothing", key="inputs", found=self.inputs, allowed="[]")
        return (self.values.shape,)

    def forward(self, inputs: Sequence[FloatTensor]) -> tuple[FloatTensor, ...]:
        """One image's values; whoever runs the network repeats them."""
        return (self.values[np.newaxis],)

    def moments(self, inputs: Sequence[Moments]) -> Moments:
        """Its channels' own, between their extremes."""
        rows = self.values.reshape(-1, self.values.shape[-1]).astype(np.float64)
        mean, variance = rows.mean(axis=0), rows.var(axis=0)
        # As far as the extremes are away, so that a range of one sigma or more holds them.
        reach = np.maximum(rows.max(axis=0) - mean, mean - rows.min(axis=0))
        return Moments(mean, variance, rows.min(axis=0), rows.max(axis=0), (mean, reach))

    def lower(self, lowering: Lowering) -> list[Step]:
        (y,) = self.outputs
        quantization, register = lowering.quantization[y], lowering.datapath.activation.register
        codes = [quantization.code(float(value), register) for value in self.values.flat]
        made = np.array(codes, np.int64).reshape(self.values.shape)
        return [ConstantStep(name=self.name, inputs=(), output=y, codes=made)]
