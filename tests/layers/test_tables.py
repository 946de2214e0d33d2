"""Tables of functions at arguments far beyond what networks hold."""

from __future__ import annotations

import pytest

import npusim
from npusim.datapath.operations import PipelineRole
from npusim.layers.pointwise import PointwiseLayer
from npusim.layers.sigmoid import Sigmoid
from npusim.layers.silu import Silu
from npusim.layers.tanh import Tanh
from npusim.quantization import Quantization
from npusim.spec.interval import Interval
from npusim.spec.stages import Table
from npusim.steps.pipelines import require_pipeline
from npusim.tables import build_table
from tests.layers.cases import X

STEPS = {Sigmoid: (0, 64, 127), Tanh: (-128, 0, 127), Silu: (0, 0, 127)}
"""Below zero, at zero, above, in units of 1/128."""


@pytest.mark.parametrize("kind", STEPS, ids=lambda kind: kind.kind)
@pytest.mark.parametrize("scale", [1e9, 1e200])
def test_far_out_functions_are_steps(kind: type[PointwiseLayer], scale: float) -> None:
    stages = require_pipeline(npusim.load_datapath("wes_npu"), "table", PipelineRole.RESULT)
    (stage,) = [stage for stage in stages if isinstance(stage, Table)]
    made = build_table(
        kind(**X).exact, Quantization(scale, 0), Quantization(1 / 128, 0), stage, Interval(-128, 127)
    )
    below, zero, above = STEPS[kind]
    assert made.tolist() == [below] * 128 + [zero] + [above] * 127
