"""add: the sum of two tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np

from npusim.arity import exactly
from npusim.errors import InputError
from npusim.layers.base import FloatTensor
from npusim.layers.fusing import FusingLayer
from npusim.layers.lowering import Lowering
from npusim.model import Shape
from npusim.moments import Moments
from npusim.steps.add import AddStep
from npusim.steps.base import Step
from npusim.steps.fields import FieldValues


class Add(FusingLayer):
    """Two tensors of one shape, element by element; a residual connection."""

    kind: ClassVar[str] = "add"

    layer: Literal["add"] = "add"

    def output_shapes(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        a, b = exactly(inputs, 2)
        if a != b:
            raise InputError("both inputs must have one shape", key="inputs", found=b, allowed=f"{a}")
        return (a,)

    def forward(self, inputs: Sequence[FloatTensor]) -> tuple[FloatTensor, ...]:
        a, b = inputs
        return (a + b if self.clip is None else np.clip(a + b, *self.clip),)

    def moments(self, inputs: Sequence[Moments]) -> Moments:
        """Sums, the branches taken as independent; the result as normal between the summed bounds."""
        a, b = inputs
        mean, variance = a.mean + b.mean, a.variance + b.variance
        made = Moments(mean, variance, a.low + b.low, a.high + b.high, (mean, np.sqrt(variance)))
        return made if self.clip is None else made.clipped(*self.clip)

    def lower(self, lowering: Lowering) -> list[Step]:
        (y,) = self.outputs
        y_scale = lowering.real_scale(y)
        multipliers, shift = lowering.shared_scale([lowering.real_scale(x) / y_scale for x in self.inputs])
        fields, activation = lowering.output_fields(y, self.clip)
        operands: list[FieldValues] = [
            {"x_zero": lowering.quantization[x].zero_point, "multiplier": multiplier}
            for x, multiplier in zip(self.inputs, multipliers, strict=True)
        ]
        return [
            AddStep(
                name=self.name,
                inputs=self.inputs,
                output=y,
                operand_fields=(operands[0], operands[1]),
                fields={**fields, "shift": shift},
                activation=activation,
            )
        ]
