"""transpose: the same values with the axes in another order (W7)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from npusim.arity import only
from npusim.layers.base import FloatTensor, Layer
from npusim.layers.lowering import Lowering
from npusim.model import Shape
from npusim.moments import Moments
from npusim.steps.base import Step
from npusim.steps.transpose import Permutation, TransposeStep, transposed_shape


class Transpose(Layer):
    """Axis i becomes what axis ``permutation[i]`` was; without the batch."""

    kind: ClassVar[str] = "transpose"
    keeps_codes: ClassVar[bool] = True

    layer: Literal["transpose"] = "transpose"
    permutation: Permutation

    def output_shapes(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        return (transposed_shape(only(inputs), self.permutation),)

    def forward(self, inputs: Sequence[FloatTensor]) -> tuple[FloatTensor, ...]:
        (x,) = inputs
        return (x.transpose(0, *(axis + 1 for axis in self.permutation)),)

    def moments(self, inputs: Sequence[Moments]) -> Moments | None:
        """The channels' where they stay last."""
        return inputs[0] if self.permutation[-1] == len(self.permutation) - 1 else None

    def lower(self, lowering: Lowering) -> list[Step]:
        (y,) = self.outputs
        return [TransposeStep(name=self.name, inputs=self.inputs, output=y, permutation=self.permutation)]
