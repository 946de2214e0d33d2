"""What add_words, sub_words and mul_words share: two tensors combined exactly, then one pipeline (W5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

from pydantic import Field

from npusim.arity import exactly
from npusim.datapath.model import Datapath
from npusim.datapath.operations import PipelineRole
from npusim.geometry import broadcast_shape
from npusim.spec.elementwise import Combination
from npusim.spec.stages import BaseStage
from npusim.steps.base import Executor, Step, TensorType
from npusim.steps.fields import FieldValues, check_fields
from npusim.steps.pipelines import require_pipeline, stage_points
from npusim.steps.words import check_reach, require_words


class BinaryWordsStep(Step):
    """An elementwise operation on two tensors of integers; sizes of 1 are repeated to fit the other's.

    Attributes
    ----------
    combination
        What is done with two integers, exactly; also the name of its tap.
    bits
        The output's width.
    fields
        The registers of the pipeline.
    """

    combination: ClassVar[Combination]

    bits: Annotated[int, Field(ge=2, le=32)] = 32
    fields: FieldValues = Field(default_factory=dict)

    def stages(self, datapath: Datapath) -> tuple[BaseStage, ...]:
        """What brings the combination to the output's width."""
        return require_pipeline(datapath, self.kind, PipelineRole.RESULT)

    def taps(self, datapath: Datapath) -> tuple[str, ...]:
        return (self.combination.value, *stage_points(self.stages(datapath)), "output")

    def output_type(self, inputs: Sequence[TensorType], datapath: Datapath) -> TensorType:
        a, b = exactly(inputs, 2)
        return TensorType(shape=broadcast_shape(a.shape, b.shape), bits=self.bits)

    def check(self, inputs: Sequence[TensorType], datapath: Datapath) -> None:
        require_words(inputs)
        stages, made = self.stages(datapath), self.output_type(inputs, datapath)
        check_fields(self.fields, stages, datapath, made.shape[-1], "fields")
        entering = self.combination.reach(*(x.codes.interval for x in inputs))
        check_reach(stages, entering, self.fields, made)

    def prepare(self, inputs: Sequence[TensorType], output: TensorType, datapath: Datapath) -> Executor:
        from npusim.steps.executors.binary_words import BinaryWordsExecutor

        return BinaryWordsExecutor(self, output, datapath)
