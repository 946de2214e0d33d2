"""What reshape and flatten share: the same codes in another shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from npusim.layers.base import FloatTensor, Layer
from npusim.layers.lowering import Lowering
from npusim.steps.base import Step
from npusim.steps.reshape import ReshapeStep


class ReshapingLayer(Layer):
    """The same values in the same order in another shape."""

    keeps_codes: ClassVar[bool] = True

    def forward(self, inputs: Sequence[FloatTensor]) -> tuple[FloatTensor, ...]:
        (x,) = inputs
        (shape,) = self.output_shapes([x.shape[1:]])
        return (x.reshape(len(x), *shape),)

    def lower(self, lowering: Lowering) -> list[Step]:
        (y,) = self.outputs
        return [ReshapeStep(name=self.name, inputs=self.inputs, output=y, shape=lowering.shapes[y])]
