"""matmul: the product of two matrices that are both computed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np

from npusim.arity import exactly
from npusim.datapath.operations import PipelineRole
from npusim.layers.base import FloatTensor
from npusim.layers.fusing import FusingLayer
from npusim.layers.lowering import Lowering
from npusim.model import Shape
from npusim.moments import Moments
from npusim.steps.base import Step
from npusim.steps.matmul import MatmulStep, matmul_shape
from npusim.steps.pipelines import require_pipeline


class Matmul(FusingLayer):
    """(..., rows, inner) times (..., inner, columns), for every leading index."""

    kind: ClassVar[str] = "matmul"

    layer: Literal["matmul"] = "matmul"

    def output_shapes(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        a, b = exactly(inputs, 2)
        return (matmul_shape(a, b),)

    def forward(self, inputs: Sequence[FloatTensor]) -> tuple[FloatTensor, ...]:
        made = np.matmul(*inputs)
        return (made if self.clip is None else np.clip(made, *self.clip),)

    def sized_moments(self, inputs: Sequence[Moments], shapes: Sequence[Shape]) -> Moments:
        """Sums of products of independent variables; the columns of the second matrix are its channels."""
        inner = np.arange(shapes[0][-1], dtype=np.int64)
        columns = np.arange(shapes[1][-1], dtype=np.int64)
        a, b = inputs[0].chosen(inner), inputs[1].chosen(columns)
        mean = a.mean.sum() * b.mean
        variance = (a.variance + a.mean**2).sum() * b.variance + a.variance.sum() * b.mean**2
        made = Moments.normal(mean, np.sqrt(variance))
        return made if self.clip is None else made.clipped(*self.clip)

    def lower(self, lowering: Lowering) -> list[Step]:
        (a, b), (y,) = self.inputs, self.outputs
        stages = require_pipeline(lowering.datapath, "matmul", PipelineRole.RESULT)
        ratio = lowering.ratio([lowering.real_scale(a), lowering.real_scale(b)], lowering.real_scale(y))
        fields, activation = lowering.output_fields(y, self.clip)
        return [
            MatmulStep(
                name=self.name,
                inputs=self.inputs,
                output=y,
                operand_fields=(lowering.input_fields(a), lowering.input_fields(b)),
                fields={**fields, **lowering.scale_fields(ratio, stages)},
                activation=activation,
            )
        ]
