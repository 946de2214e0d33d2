"""The table step: any function of a code, looked up (A8, W8)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from npusim.arity import only
from npusim.datapath.model import Datapath
from npusim.datapath.operations import PipelineRole
from npusim.spec.stages import BaseStage
from npusim.steps.base import Executor, Step, TensorType, activation_type, require_activations
from npusim.steps.fields import FieldValues, check_fields
from npusim.steps.pipelines import require_pipeline, stage_points


class TableStep(Step):
    """Codes through a table: sigmoid, tanh, swish and the like.

    Attributes
    ----------
    fields
        The registers of the table pipeline, the table's entries among them.
    """

    kind: ClassVar[str] = "table"

    step: Literal["table"] = "table"
    fields: FieldValues

    def stages(self, datapath: Datapath) -> tuple[BaseStage, ...]:
        """The look-up, and what the datapath does around it."""
        return require_pipeline(datapath, "table", PipelineRole.RESULT)

    def taps(self, datapath: Datapath) -> tuple[str, ...]:
        return (*stage_points(self.stages(datapath)), "output")

    def output_type(self, inputs: Sequence[TensorType], datapath: Datapath) -> TensorType:
        return activation_type(only(inputs).shape, datapath)

    def check(self, inputs: Sequence[TensorType], datapath: Datapath) -> None:
        require_activations(inputs, datapath)
        check_fields(self.fields, self.stages(datapath), datapath, inputs[0].shape[-1], "fields")

    def prepare(self, inputs: Sequence[TensorType], output: TensorType, datapath: Datapath) -> Executor:
        from npusim.steps.executors.pipeline import PipelineExecutor

        return PipelineExecutor(self.stages(datapath), self.fields, inputs[0], output)
