"""What minimum and maximum share: two tensors brought to one scale, then one code chosen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from npusim.arity import exactly
from npusim.datapath.model import Datapath
from npusim.datapath.operations import PipelineRole
from npusim.geometry import broadcast_shape
from npusim.spec.elementwise import Choice
from npusim.spec.stages import BaseStage
from npusim.steps.base import Executor, Step, TensorType, activation_type, require_activations
from npusim.steps.fields import Activation, FieldValues, check_fields
from npusim.steps.pipelines import operand_prefix, require_pipeline, stage_points
from npusim.steps.words import widest


class ExtremeStep(Step):
    """The smaller or larger of two codes; sizes of 1 are repeated to fit the other tensor's.

    Attributes
    ----------
    choice
        Which of the two.
    operand_fields
        Per input the registers of the operand pipeline; null: its codes are taken as they are.
    activation
        Which clamp bounds an activation function set.
    """

    choice: ClassVar[Choice]

    operand_fields: tuple[FieldValues | None, FieldValues | None]
    activation: Activation = Activation.NONE

    def stages(self, datapath: Datapath) -> tuple[BaseStage, ...]:
        """What rescales an input."""
        return require_pipeline(datapath, self.kind, PipelineRole.OPERAND)

    def taps(self, datapath: Datapath) -> tuple[str, ...]:
        points: list[str] = []
        for index, fields in enumerate(self.operand_fields):
            if fields is not None:
                points += stage_points(self.stages(datapath), operand_prefix(index))
        return (*points, "output")

    def output_type(self, inputs: Sequence[TensorType], datapath: Datapath) -> TensorType:
        a, b = exactly(inputs, 2)
        shape = broadcast_shape(a.shape, b.shape)
        return widest(inputs).replace(shape=shape) if self._copies else activation_type(shape, datapath)

    @property
    def _copies(self) -> bool:
        """Whether no pipeline runs: then tensors of any codes will do."""
        return all(fields is None for fields in self.operand_fields)

    def check(self, inputs: Sequence[TensorType], datapath: Datapath) -> None:
        if not self._copies:
            require_activations(inputs, datapath)
        for index, (x, fields) in enumerate(zip(inputs, self.operand_fields, strict=True)):
            if fields is not None:
                key = f"operand_fields[{index}]"
                check_fields(fields, self.stages(datapath), datapath, x.shape[-1], key)

    def prepare(self, inputs: Sequence[TensorType], output: TensorType, datapath: Datapath) -> Executor:
        from npusim.steps.executors.extreme import ExtremeExecutor

        return ExtremeExecutor(self, inputs, output, datapath)
