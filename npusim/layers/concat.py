"""concat: tensors behind each other along an axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from npusim.datapath.operations import PipelineRole
from npusim.layers.base import FloatTensor, Layer
from npusim.layers.lowering import Clip, Lowering
from npusim.model import Shape
from npusim.moments import Moments
from npusim.steps.base import Step
from npusim.steps.concat import ConcatStep, concat_shape
from npusim.steps.fields import FieldValues
from npusim.steps.pipelines import require_pipeline


class Concat(Layer):
    """Tensors that differ along one axis only.

    Attributes
    ----------
    axis
        Without the batch: of an image 0, 1 or 2; negative axes count from the end, -1 are channels.
    """

    kind: ClassVar[str] = "concat"

    layer: Literal["concat"] = "concat"
    axis: Annotated[int, Field(ge=-8, le=7)] = -1

    def output_shapes(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        return (concat_shape(inputs, self.axis),)

    def forward(self, inputs: Sequence[FloatTensor]) -> tuple[FloatTensor, ...]:
        axis = self.axis if self.axis < 0 else self.axis + 1
        return (np.concatenate(inputs, axis=axis),)

    def sized_moments(self, inputs: Sequence[Moments], shapes: Sequence[Shape]) -> Moments:
        """Along channels: the inputs' channels behind each other; elsewhere they are mixed."""
        channels = [shape[-1] for shape in shapes]
        parts = [
            part.chosen(np.arange(count, dtype=np.int64))
            for part, count in zip(inputs, channels, strict=True)
        ]
        along = self.axis % len(shapes[0]) == len(shapes[0]) - 1
        return Moments.join(parts) if along else Moments.mixture(parts)

    def lower(self, lowering: Lowering) -> list[Step]:
        (y,) = self.outputs
        return [
            ConcatStep(
                name=self.name,
                inputs=self.inputs,
                output=y,
                axis=self.axis,
                operand_fields=tuple(alignment(lowering, x, y) for x in self.inputs),
            )
        ]


def alignment(lowering: Lowering, x: str, y: str, clip: Clip | None = None) -> FieldValues | None:
    """The rescale of one input to an output's codes; None where they mean the same and nothing is clipped."""
    if clip is None and lowering.quantization[x] == lowering.quantization[y]:
        return None
    stages = require_pipeline(lowering.datapath, "concat", PipelineRole.OPERAND)
    scale = lowering.scale_fields(lowering.ratio([lowering.real_scale(x)], lowering.real_scale(y)), stages)
    fields, _ = lowering.output_fields(y, clip)
    return lowering.input_fields(x) | scale | fields
