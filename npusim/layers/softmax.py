"""softmax: shares that add up to one. On the host where the datapath has no softmax pipeline (W8)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np

from npusim.arity import only
from npusim.axes import Axis, place
from npusim.datapath.operations import PipelineRole
from npusim.layers.base import FloatTensor, Layer
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


class Softmax(Layer):
    """``exp(x)`` divided by its sum along an axis.

    Imported networks that end in it end before it: it changes no order.
    """

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

    def moments(self, inputs: Sequence[Moments]) -> Moments | None:
        """Equal shares, between 0 and 1, of channels; along other axes how many there are is not known."""
        channels = inputs[0].mean.size
        shares = np.full(channels, 1 / channels)
        return Moments.normal(shares, shares).clipped(0.0, 1.0) if self.axis == -1 else None

    def meaning(self, codes: Interval) -> Quantization:
        """All codes share 0..1, the greatest falls short of it by one."""
        return Quantization(1 / (codes.high - codes.low + 1), codes.low)

    def lower(self, lowering: Lowering) -> list[Step]:
        (x,), (y,) = self.inputs, self.outputs
        shape = lowering.shapes[x]
        if lowering.datapath.pipeline("softmax") is None or place(self.axis, shape) != len(shape) - 1:
            raise host_only(lowering.datapath, f"softmax over axis {self.axis}", x)
        fields, _ = lowering.output_fields(y)
        for stage in require_pipeline(lowering.datapath, "softmax", PipelineRole.OPERAND):
            if isinstance(stage, Table):
                bits = lowering.datapath.fields[stage.table].bits
                fields[stage.table] = exponential_table(lowering.real_scale(x), stage.entries, bits)
        return [SoftmaxStep(name=self.name, inputs=self.inputs, output=y, fields=fields)]
