"""Products of two computed matrices."""

from __future__ import annotations

from npusim.datapath.operations import PipelineRole
from npusim.importers.tflite.builder import Builder
from npusim.importers.tflite.graph import Operator
from npusim.importers.tflite.scales import scale_fields, single_product_ratio
from npusim.steps.matmul import MatmulStep
from npusim.steps.pipelines import require_pipeline
from npusim.steps.transpose import TransposeStep


def _matrix(operator: Operator, builder: Builder, place: int, turned: bool) -> str:
    """An input, its last two axes exchanged where the operator says so."""
    value, tensor = builder.value(operator, place), builder.tensor(operator, place)
    name = f"{builder.output(operator).name}/{place}"
    if len(builder.shape(value)) < 2:
        value = builder.reshaped(value, tensor.shape, f"{name}/matrix")
    if not turned:
        return value
    rank = len(builder.shape(value))
    order = (*range(rank - 2), rank - 1, rank - 2)
    return builder.add(TransposeStep, f"{name}/transposed", (value,), permutation=order)


def _batch_matmul(operator: Operator, builder: Builder) -> None:
    inputs, y = [builder.tensor(operator, place) for place in range(2)], builder.output(operator)
    turned = [bool(operator.integer(name)) for name in ("AdjX", "AdjY")]
    values = [_matrix(operator, builder, place, turned[place]) for place in range(2)]
    ranks = [len(builder.shape(value)) for value in values]
    if ranks[0] != ranks[1]:
        raise operator.error("matrices of different ranks are not supported", found=ranks)
    stages = require_pipeline(builder.datapath, "matmul", PipelineRole.RESULT)
    real = single_product_ratio(inputs[0].scale, inputs[1].scale, y.scale)
    codes = builder.datapath.activation.interval
    clips = {"y_zero": y.zero_point, "low": codes.low, "high": codes.high}
    made = builder.add(
        MatmulStep,
        y.name,
        values,
        operand_fields=tuple({"x_zero": x.zero_point} for x in inputs),
        fields={**clips, **scale_fields([real], stages, builder.datapath)},
    )
    builder.finish(operator, made)


CONVERTERS = {"BATCH_MATMUL": _batch_matmul}
