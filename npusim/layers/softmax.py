"""softmax: shares that add up to one. On the host where the datapath has no softmax pipeline (W8)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np

from npusim.arity import only
from npusim.axes import Axis, place
from npusim.datapath.operations import PipelineRole
from npusim.layers.base import FloatTensor
from npusim.layers.host import HostLayer
from npusim.layers.lowering import Lowering
from npusim.layers.missing import host_only
from npusim.model import Shape
from npusim.moments import Moments
from npusim.quantization import Quantization
from npusim.spec.interval import Interval
from npusim.spec.stages import Table
from npusim.steps.base import Step
from npusim.steps.pipelines import require_pipeline
from npusim.steps.softmax import SoftmaxStep
from npusim.tables import exponential_table


class Softmax(HostLayer):
    """``exp(x)`` divided by its sum along an axis."""

    kind: ClassVar[str] = "softmax"

    layer: Literal["softmax"] = "softmax"
    axis: Axis = -1

    def output_shapes(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        shape = only(inputs)
        place(self.axis, shape)
        return (shape,)

    def forward(self, inputs: Sequence[FloatTensor]) -> tuple[FloatTensor, ...]:
        (x,) = inputs
        axis = 1 + place(self.axis, x.shape[1:])
        powers = np.exp(x - x.max(axis=axis, keepdims=True))
        return (powers / powers.sum(axis=axis, keepdims=True),)

    def sized_moments(self, inputs: Sequence[Moments], shapes: Sequence[Shape]) -> Moments:
        """Equal shares, between 0 and 1."""
        (shape,) = shapes
        shares = np.full(shape[-1], 1 / shape[place(self.axis, shape)])
        return Moments.normal(shares, shares).clipped(0.0, 1.0)

    def meaning(self, codes: Interval) -> Quantization:
        """All codes share 0..1, the greatest falls short of it by one."""
        return Quantization(1 / (codes.high - codes.low + 1), codes.low)

    def lower(self, lowering: Lowering) -> list[Step]:
        (x,), (y,) = self.inputs, self.outputs
        shape = lowering.shapes[x]
        if not self.computed_on(lowering.datapath, shape):
            raise host_only(lowering.datapath, f"softmax over axis {self.axis}", x)
        fields, _ = lowering.output_fields(y)
        for stage in require_pipeline(lowering.datapath, "softmax", PipelineRole.OPERAND):
            if isinstance(stage, Table):
                bits = lowering.datapath.fields[stage.table].bits
                fields[stage.table] = exponential_table(lowering.real_scale(x), stage.entries, bits)
        return [SoftmaxStep(name=self.name, inputs=self.inputs, output=y, fields=fields)]
