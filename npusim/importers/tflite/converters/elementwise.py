"""Elementwise operations on two tensors."""

from __future__ import annotations

from collections.abc import Sequence
from math import log2

from npusim.datapath.operations import PipelineRole
from npusim.importers.tflite.builder import Builder
from npusim.importers.tflite.graph import Operator, Tensor
from npusim.importers.tflite.scales import output_fields, ratio, scale_fields, single_ratio
from npusim.steps.add import AddStep
from npusim.steps.binary import BinaryStep
from npusim.steps.extreme import ExtremeStep
from npusim.steps.maximum import MaximumStep
from npusim.steps.minimum import MinimumStep
from npusim.steps.mul import MulStep
from npusim.steps.pipelines import require_pipeline
from npusim.steps.sub import SubStep

_NEARLY = 2e-3
"""A little more than what LiteRT takes for a power of two."""

HEADROOM = {8: 20, 16: 15}
"""How far sums of codes of so many bits are shifted left before their operands are scaled."""


def aligned(operator: Operator, builder: Builder) -> tuple[str, str]:
    """Both inputs, with as many axes as the output."""
    rank = len(builder.output(operator).shape)
    made = []
    for place in range(2):
        value = builder.value(operator, place)
        shape = builder.tensor(operator, place).shape
        full = (1,) * (rank - len(shape)) + tuple(shape)
        wanted = full[1:] if len(full) > 1 and full[0] == 1 else full
        made.append(builder.reshaped(value, wanted or (1,), f"{builder.output(operator).name}/{place}"))
    ranks = {len(builder.shape(value)) for value in made}
    if len(ranks) > 1:
        raise operator.error("broadcasting over the batch is not supported")
    return made[0], made[1]


def _binary(operator: Operator, builder: Builder, kind: type[BinaryStep]) -> None:
    values = aligned(operator, builder)
    inputs = [builder.tensor(operator, place) for place in range(2)]
    y, datapath = builder.output(operator), builder.datapath
    operand = require_pipeline(datapath, kind.kind, PipelineRole.OPERAND)
    result = require_pipeline(datapath, kind.kind, PipelineRole.RESULT)
    if kind is MulStep:
        operand_reals: list[float] = []
        real = single_ratio(inputs[0].scale, inputs[1].scale, by=y.scale)
    else:
        twice = 2 * max(float(x.scale) for x in inputs)
        if twice <= 0:
            raise operator.error("inputs of scale zero")
        if y.kind == "INT16" and _shifts_only(operator, (*inputs, y)):
            raise operator.error("int16 sums whose scales are powers of two are not supported")
        operand_reals = [float(x.scale) / twice for x in inputs]
        real = twice / (ratio(y.scale, type(y.scale)(1)) * 2 ** HEADROOM[datapath.activation.bits])
    clips, activation = output_fields(
        operator, y, operator.integer("FusedActivationFunction"), datapath.activation
    )
    operand_fields = []
    for place, x in enumerate(inputs):
        scales = scale_fields(operand_reals[place : place + 1], operand, datapath) if operand_reals else {}
        operand_fields.append({"x_zero": x.zero_point, **scales})
    made = builder.add(
        kind,
        y.name,
        values,
        operand_fields=operand_fields,
        fields={**clips, **scale_fields([real], result, datapath)},
        activation=activation,
    )
    builder.finish(operator, made)


def _shifts_only(operator: Operator, tensors: Sequence[Tensor]) -> bool:
    """Whether LiteRT takes its way for scales that are powers of two."""
    if not operator.integer("PotScaleInt16"):
        return False
    powers = [log2(float(tensor.scale)) for tensor in tensors if tensor.scale > 0]
    return all(abs(power - round(power)) < _NEARLY for power in powers)


def _extreme(operator: Operator, builder: Builder, kind: type[ExtremeStep]) -> None:
    """Codes are compared as they are: LiteRT asks for one scale and does not rescale."""
    values = aligned(operator, builder)
    made = builder.add(kind, builder.output(operator).name, values, operand_fields=(None, None))
    builder.finish(operator, made)


CONVERTERS = {
    "ADD": lambda operator, builder: _binary(operator, builder, AddStep),
    "SUB": lambda operator, builder: _binary(operator, builder, SubStep),
    "MUL": lambda operator, builder: _binary(operator, builder, MulStep),
    "MAXIMUM": lambda operator, builder: _extreme(operator, builder, MaximumStep),
    "MINIMUM": lambda operator, builder: _extreme(operator, builder, MinimumStep),
}
