"""mul: the product of two tensors, element by element."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from npusim.datapath.operations import PipelineRole
from npusim.layers.base import FloatTensor
from npusim.layers.broadcasting import BroadcastingLayer
from npusim.layers.lowering import Lowering
from npusim.moments import Moments
from npusim.steps.base import Step
from npusim.steps.mul import MulStep
from npusim.steps.pipelines import require_pipeline


class Mul(BroadcastingLayer):
    """A gate, such as squeeze-and-excite has: one factor per channel."""

    kind: ClassVar[str] = "mul"

    layer: Literal["mul"] = "mul"

    def function(self, a: FloatTensor, b: FloatTensor) -> FloatTensor:
        return a * b

    def combined(self, a: Moments, b: Moments) -> Moments:
        return a.times(b)

    def moments(self, inputs: Sequence[Moments]) -> Moments:
        """A tensor times itself is a square, not a product of independent variables."""
        if self.inputs[0] != self.inputs[1]:
            return super().moments(inputs)
        made = inputs[0].squared()
        return made if self.clip is None else made.clipped(*self.clip)

    def lower(self, lowering: Lowering) -> list[Step]:
        """W5: ``M = S_a * S_b / S_y``, once, behind the exact product."""
        (a, b), (y,) = self.inputs, self.outputs
        ratio = lowering.ratio([lowering.real_scale(a), lowering.real_scale(b)], lowering.real_scale(y))
        stages = require_pipeline(lowering.datapath, "mul", PipelineRole.RESULT)
        fields, activation = lowering.output_fields(y, self.clip)
        return [
            MulStep(
                name=self.name,
                inputs=self.inputs,
                output=y,
                operand_fields=(lowering.input_fields(a), lowering.input_fields(b)),
                fields={**fields, **lowering.scale_fields(ratio, stages)},
                activation=activation,
            )
        ]
