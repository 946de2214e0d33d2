"""What add and sub share: how sums and differences are lowered (W5)."""

from __future__ import annotations

from collections.abc import Sequence

from npusim.datapath.operations import PipelineRole
from npusim.errors import InputError
from npusim.layers.broadcasting import BroadcastingLayer
from npusim.layers.lowering import Lowering
from npusim.spec.stages import BaseStage, ShiftLeft
from npusim.steps.binary import BinaryStep
from npusim.steps.fields import FieldValues, needed_fields
from npusim.steps.pipelines import require_pipeline


def lower_sum(layer: BroadcastingLayer, lowering: Lowering, step: type[BinaryStep]) -> BinaryStep:
    """The step of a layer whose operands are brought to one scale before they are combined."""
    (y,) = layer.outputs
    stages = require_pipeline(lowering.datapath, layer.kind, PipelineRole.RESULT)
    multiplies = "multiplier" in needed_fields(stages)
    operands, scale = _through_common(layer, lowering, stages) if multiplies else _at_once(layer, lowering)
    fields, activation = lowering.output_fields(y, layer.clip)
    return step(
        name=layer.name,
        inputs=layer.inputs,
        output=y,
        operand_fields=(operands[0], operands[1]),
        fields={**fields, **scale},
        activation=activation,
    )


def _at_once(layer: BroadcastingLayer, lowering: Lowering) -> tuple[list[FieldValues], FieldValues]:
    """Multipliers of the operands, one shift of the result: exact until then."""
    (y,) = layer.outputs
    stages = require_pipeline(lowering.datapath, layer.kind, PipelineRole.OPERAND)
    if "multiplier" not in needed_fields(stages):
        raise InputError(
            f"{lowering.datapath.name} combines codes of one scale: {layer.kind} is not lowered to that",
            key=layer.name,
        )
    y_scale = lowering.real_scale(y)
    multipliers, shift = lowering.shared_scale([lowering.real_scale(x) / y_scale for x in layer.inputs])
    operands: list[FieldValues] = [
        {**lowering.input_fields(x), "multiplier": multiplier}
        for x, multiplier in zip(layer.inputs, multipliers, strict=True)
    ]
    return operands, {"shift": shift}


def _through_common(
    layer: BroadcastingLayer, lowering: Lowering, result: Sequence[BaseStage]
) -> tuple[list[FieldValues], FieldValues]:
    """Operands rounded at twice the greater scale with extra bits below, the result rescaled from there.

    Half of each operand: their sum needs no bit more than they do. This is TFLite's and TOSA's way.
    """
    (y,) = layer.outputs
    stages = require_pipeline(lowering.datapath, layer.kind, PipelineRole.OPERAND)
    common = 2 * max(lowering.real_scale(x) for x in layer.inputs)
    shifted = [stage.by for stage in stages if isinstance(stage, ShiftLeft) and isinstance(stage.by, int)]
    # Without a stage that makes room below, the operands' multipliers do.
    headroom = 0 if shifted else 20 if lowering.datapath.activation.bits <= 8 else 15
    operands = []
    for x in layer.inputs:
        real = lowering.ratio([lowering.real_scale(x)], common) * 2**headroom
        operands.append(lowering.input_fields(x) | lowering.scale_fields(real, stages))
    unit = common / 2 ** (sum(shifted) + headroom)
    return operands, lowering.scale_fields(lowering.ratio([unit], lowering.real_scale(y)), result)
