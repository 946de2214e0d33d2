"""argmax: where along an axis the largest value stands; the first one of several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np

from npusim.arity import only
from npusim.axes import Axis, place, without
from npusim.layers.base import FloatTensor, Layer
from npusim.layers.lowering import Lowering
from npusim.model import Shape
from npusim.moments import Moments
from npusim.quantization import Quantization
from npusim.spec.interval import Interval
from npusim.steps.argmax import ArgmaxStep
from npusim.steps.base import Step


class Argmax(Layer):
    """An index from 0 instead of an axis."""

    kind: ClassVar[str] = "argmax"

    layer: Literal["argmax"] = "argmax"
    axis: Axis = -1

    def output_shapes(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        return (without(self.axis, only(inputs)),)

    def forward(self, inputs: Sequence[FloatTensor]) -> tuple[FloatTensor, ...]:
        (x,) = inputs
        found = x.argmax(axis=1 + place(self.axis, x.shape[1:])).astype(x.dtype)
        return (found.reshape(len(x), *self.output_shapes([x.shape[1:]])[0]),)

    def moments(self, inputs: Sequence[Moments]) -> Moments:
        """Nothing reads its range: its codes are indices."""
        nothing = np.zeros(1)
        return Moments.normal(nothing, nothing)

    def meaning(self, codes: Interval) -> Quantization:
        """Codes are indices."""
        return Quantization(1.0, 0)

    def lower(self, lowering: Lowering) -> list[Step]:
        return [ArgmaxStep(name=self.name, inputs=self.inputs, output=self.outputs[0], axis=self.axis)]
