"""What add, sub and mul share: two tensors aligned, combined exactly, rescaled once (W5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from npusim.arity import exactly
from npusim.datapath.model import Datapath
from npusim.datapath.operations import PipelineRole
from npusim.geometry import broadcast_shape
from npusim.spec.elementwise import Combination
from npusim.spec.stages import BaseStage
from npusim.steps.base import Executor, Step, TensorType, activation_type, require_activations
from npusim.steps.fields import Activation, FieldValues, check_fields
from npusim.steps.pipelines import operand_prefix, require_pipeline, stage_points


class BinaryStep(Step):
    """An elementwise operation on two tensors; sizes of 1 are repeated to fit the other tensor's.

    Attributes
    ----------
    combination
        What is done with the two operand pipelines' results; also the name of its tap.
    operand_fields
        The registers of each input's operand pipeline.
    fields
        The registers of the result pipeline.
    activation
        Which clamp bounds an activation function set.
    """

    combination: ClassVar[Combination]

    operand_fields: tuple[FieldValues, FieldValues]
    fields: FieldValues
    activation: Activation = Activation.NONE

    def operand_stages(self, datapath: Datapath) -> tuple[BaseStage, ...]:
        """What aligns an input."""
        return require_pipeline(datapath, self.kind, PipelineRole.OPERAND)

    def result_stages(self, datapath: Datapath) -> tuple[BaseStage, ...]:
        """What rescales the combination."""
        return require_pipeline(datapath, self.kind, PipelineRole.RESULT)

    def taps(self, datapath: Datapath) -> tuple[str, ...]:
        stages = self.operand_stages(datapath)
        operands = [point for index in range(2) for point in stage_points(stages, operand_prefix(index))]
        return (*operands, self.combination.value, *stage_points(self.result_stages(datapath)), "output")

    def output_type(self, inputs: Sequence[TensorType], datapath: Datapath) -> TensorType:
        a, b = exactly(inputs, 2)
        return activation_type(broadcast_shape(a.shape, b.shape), datapath)

    def check(self, inputs: Sequence[TensorType], datapath: Datapath) -> None:
        require_activations(inputs, datapath)
        stages = self.operand_stages(datapath)
        for index, (x, fields) in enumerate(zip(inputs, self.operand_fields, strict=True)):
            check_fields(fields, stages, datapath, x.shape[-1], f"operand_fields[{index}]")
        channels = max(x.shape[-1] for x in inputs)
        check_fields(self.fields, self.result_stages(datapath), datapath, channels, "fields")

    def prepare(self, inputs: Sequence[TensorType], output: TensorType, datapath: Datapath) -> Executor:
        from npusim.steps.executors.binary import BinaryExecutor

        return BinaryExecutor(self, inputs, output, datapath)
