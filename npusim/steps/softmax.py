"""The softmax step: exponentials by table, one fixed-point reciprocal per row (A.softmax)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from npusim.arity import only
from npusim.datapath.model import Datapath
from npusim.datapath.operations import PipelineRole
from npusim.errors import InputError
from npusim.spec.softmax import EXTRA_SHIFT, RECIPROCAL
from npusim.spec.stages import BaseStage
from npusim.steps.base import Executor, Step, TensorType, activation_type, require_activations
from npusim.steps.fields import FieldValues, check_fields
from npusim.steps.pipelines import operand_prefix, require_pipeline, stage_points

ROW_FIELDS = (RECIPROCAL, EXTRA_SHIFT)
"""Registers that the hardware fills while it runs."""


class SoftmaxStep(Step):
    """A softmax over the last axis.

    Attributes
    ----------
    fields
        The registers of both pipelines, the exponentials' table among them, but for those that each
        row fills itself: the reciprocal of its sum and that one's shift.
    """

    kind: ClassVar[str] = "softmax"

    step: Literal["softmax"] = "softmax"
    fields: FieldValues

    def operand_stages(self, datapath: Datapath) -> tuple[BaseStage, ...]:
        """What makes exponentials of distances to the greatest code."""
        return require_pipeline(datapath, "softmax", PipelineRole.OPERAND)

    def result_stages(self, datapath: Datapath) -> tuple[BaseStage, ...]:
        """What makes codes of exponentials."""
        return require_pipeline(datapath, "softmax", PipelineRole.RESULT)

    def taps(self, datapath: Datapath) -> tuple[str, ...]:
        operands = stage_points(self.operand_stages(datapath), operand_prefix(0))
        return (*operands, *stage_points(self.result_stages(datapath)), "output")

    def output_type(self, inputs: Sequence[TensorType], datapath: Datapath) -> TensorType:
        return activation_type(only(inputs).shape, datapath)

    def check(self, inputs: Sequence[TensorType], datapath: Datapath) -> None:
        require_activations(inputs, datapath)
        channels = inputs[0].shape[-1]
        for name in ROW_FIELDS:
            if name in self.fields:
                raise InputError("is filled by each row itself", key=f"fields.{name}")
        stages = (*self.operand_stages(datapath), *self.result_stages(datapath))
        filled = {**dict.fromkeys(ROW_FIELDS, 0), **self.fields}
        check_fields(filled, stages, datapath, channels, "fields")

    def prepare(self, inputs: Sequence[TensorType], output: TensorType, datapath: Datapath) -> Executor:
        from npusim.steps.executors.softmax import SoftmaxExecutor

        return SoftmaxExecutor(self, output, datapath)
