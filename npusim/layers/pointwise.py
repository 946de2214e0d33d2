"""What activation functions that are not mere clips share: one function, element by element."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.polynomial.hermite_e import hermegauss

from npusim.arity import only
from npusim.datapath.operations import PipelineRole
from npusim.layers.base import FloatTensor, Layer
from npusim.layers.lowering import Lowering
from npusim.model import Shape
from npusim.moments import Moments
from npusim.spec.stages import Table
from npusim.steps.base import Step
from npusim.steps.fields import needed_fields
from npusim.steps.pipelines import require_pipeline
from npusim.steps.table import TableStep
from npusim.tables import Exact, build_table

_NODES, _GRID = 33, 257
_REACH = 6.0
"""Sigmas around the mean in which bounds are looked for."""


class PointwiseLayer(Layer):
    """A function of each element by itself."""

    def function(self, x: FloatTensor) -> FloatTensor:
        """The function, in the type of its argument."""
        raise NotImplementedError

    def exact(self, x: Fraction) -> Exact:
        """The function of one rational number: exactly, or to the precision of mpmath's context (A8)."""
        raise NotImplementedError

    def output_shapes(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        return (only(inputs),)

    def forward(self, inputs: Sequence[FloatTensor]) -> tuple[FloatTensor, ...]:
        (x,) = inputs
        return (self.function(x).astype(x.dtype, copy=False),)

    def moments(self, inputs: Sequence[Moments]) -> Moments:
        """Of a normal input, by Gauss-Hermite quadrature; bounds are the function's on its range."""
        (x,) = inputs
        mean, sigma = x.gaussian
        nodes, weights = hermegauss(_NODES)
        weights = weights / weights.sum()
        points = np.clip(mean + sigma * nodes[:, np.newaxis], x.low, x.high)
        values = self.function(points)
        made_mean = weights @ values
        variance = weights @ (values - made_mean) ** 2
        grid = np.linspace(-_REACH, _REACH, _GRID)[:, np.newaxis]
        reached = self.function(np.clip(mean + sigma * grid, x.low, x.high))
        gaussian = (made_mean, np.sqrt(variance))
        return Moments(made_mean, variance, reached.min(axis=0), reached.max(axis=0), gaussian)

    def lower(self, lowering: Lowering) -> list[Step]:
        (x,), (y,) = self.inputs, self.outputs
        stages = require_pipeline(lowering.datapath, "table", PipelineRole.RESULT)
        fields, _ = lowering.output_fields(y)
        needed = {name: fields[name] for name in needed_fields(stages) if name in fields}
        for stage in stages:
            if isinstance(stage, Table):
                needed[stage.table] = build_table(
                    self.exact,
                    lowering.quantization[x],
                    lowering.quantization[y],
                    stage,
                    lowering.codes(y),
                )
        return [TableStep(name=self.name, inputs=self.inputs, output=y, fields=needed)]
