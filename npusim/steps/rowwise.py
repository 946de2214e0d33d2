"""What softmax and l2_normalization share: rows that are scaled by what they themselves add up to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from npusim.arity import only
from npusim.datapath.model import Datapath
from npusim.datapath.operations import PipelineRole
from npusim.errors import InputError
from npusim.spec.stages import BaseStage
from npusim.steps.base import Executor, Step, TensorType, activation_type, require_activations
from npusim.steps.fields import FieldValues, check_fields, needed_fields
from npusim.steps.pipelines import operand_prefix, require_pipeline, stage_points


class RowwiseStep(Step):
    """An operation over the last axis.

    Attributes
    ----------
    row_fields
        Registers that the hardware fills for each row while it runs.
    fields
        All other registers of both pipelines.
    """

    row_fields: ClassVar[tuple[str, ...]]

    fields: FieldValues

    def entering(self, codes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """What enters the operand pipeline of (rows, channels) codes."""
        return codes

    def registers(self, values: Sequence[int]) -> dict[str, int]:
        """The row's registers, of what the operand pipeline made of a row."""
        raise NotImplementedError

    def operand_stages(self, datapath: Datapath) -> tuple[BaseStage, ...]:
        """What a row is summed up after."""
        return require_pipeline(datapath, self.kind, PipelineRole.OPERAND)

    def result_stages(self, datapath: Datapath) -> tuple[BaseStage, ...]:
        """What makes codes."""
        return require_pipeline(datapath, self.kind, PipelineRole.RESULT)

    def taps(self, datapath: Datapath) -> tuple[str, ...]:
        operands = stage_points(self.operand_stages(datapath), operand_prefix(0))
        return (*operands, *stage_points(self.result_stages(datapath)), "output")

    def output_type(self, inputs: Sequence[TensorType], datapath: Datapath) -> TensorType:
        return activation_type(only(inputs).shape, datapath)

    def check(self, inputs: Sequence[TensorType], datapath: Datapath) -> None:
        require_activations(inputs, datapath)
        for name in self.row_fields:
            if name in self.fields:
                raise InputError("is filled by each row itself", key=f"fields.{name}")
        stages = (*self.operand_stages(datapath), *self.result_stages(datapath))
        needed = [name for name in self.row_fields if name in needed_fields(stages)]
        filled: dict[str, Any] = {**dict.fromkeys(needed, 0), **self.fields}
        check_fields(filled, stages, datapath, inputs[0].shape[-1], "fields")

    def prepare(self, inputs: Sequence[TensorType], output: TensorType, datapath: Datapath) -> Executor:
        from npusim.steps.executors.rowwise import RowwiseExecutor

        return RowwiseExecutor(self, output, datapath)
