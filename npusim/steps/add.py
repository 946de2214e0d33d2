"""The add step: two tensors aligned, summed exactly, rescaled once (W5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from npusim.arity import exactly
from npusim.datapath.model import Datapath
from npusim.datapath.operations import PipelineRole
from npusim.errors import InputError
from npusim.spec.stages import BaseStage
from npusim.steps.base import Executor, Step, TensorType, activation_type, require_activations
from npusim.steps.fields import Activation, FieldValues, check_fields
from npusim.steps.pipelines import operand_prefix, require_pipeline, stage_points


class AddStep(Step):
    """An elementwise addition.

    Attributes
    ----------
    operand_fields
        The registers of each input's operand pipeline.
    fields
        The registers of the result pipeline.
    activation
        Which clamp bounds an activation function set.
    """

    kind: ClassVar[str] = "add"

    step: Literal["add"] = "add"
    operand_fields: tuple[FieldValues, FieldValues]
    fields: FieldValues
    activation: Activation = Activation.NONE

    def operand_stages(self, datapath: Datapath) -> tuple[BaseStage, ...]:
        """What aligns an input."""
        return require_pipeline(datapath, "add", PipelineRole.OPERAND)

    def result_stages(self, datapath: Datapath) -> tuple[BaseStage, ...]:
        """What rescales the sum."""
        return require_pipeline(datapath, "add", PipelineRole.RESULT)

    def taps(self, datapath: Datapath) -> tuple[str, ...]:
        stages = self.operand_stages(datapath)
        operands = [point for index in range(2) for point in stage_points(stages, operand_prefix(index))]
        return (*operands, "sum", *stage_points(self.result_stages(datapath)), "output")

    def output_type(self, inputs: Sequence[TensorType], datapath: Datapath) -> TensorType:
        a, b = exactly(inputs, 2)
        if a.shape != b.shape:
            raise InputError(
                "both inputs must have one shape", key="inputs", found=b.shape, allowed=f"{a.shape}"
            )
        return activation_type(a.shape, datapath)

    def check(self, inputs: Sequence[TensorType], datapath: Datapath) -> None:
        require_activations(inputs, datapath)
        channels = inputs[0].shape[-1]
        stages = self.operand_stages(datapath)
        for index, fields in enumerate(self.operand_fields):
            check_fields(fields, stages, datapath, channels, f"operand_fields[{index}]")
        check_fields(self.fields, self.result_stages(datapath), datapath, channels, "fields")

    def prepare(self, inputs: Sequence[TensorType], output: TensorType, datapath: Datapath) -> Executor:
        from npusim.steps.executors.add import AddExecutor

        return AddExecutor(self, output, datapath)
