"""The interpolate_words step: a table with straight lines between its entries, on words (A8)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from npusim.arity import only
from npusim.datapath.model import Datapath
from npusim.datapath.operations import PipelineRole
from npusim.spec.stages import BaseStage
from npusim.steps.base import Executor, Step, TensorType
from npusim.steps.fields import FieldValues, check_fields
from npusim.steps.pipelines import require_pipeline, stage_points
from npusim.steps.words import check_reach, require_words


class InterpolateWordsStep(Step):
    """Words through the datapath's `interpolate_words` pipeline; the result may keep its fraction bits.

    Attributes
    ----------
    bits
        The output's width.
    fields
        The registers of the pipeline, the table's entries among them.
    """

    kind: ClassVar[str] = "interpolate_words"

    step: Literal["interpolate_words"] = "interpolate_words"
    bits: Annotated[int, Field(ge=2, le=32)]
    fields: FieldValues

    def stages(self, datapath: Datapath) -> tuple[BaseStage, ...]:
        """The look-up, and what the datapath does around it."""
        return require_pipeline(datapath, self.kind, PipelineRole.RESULT)

    def taps(self, datapath: Datapath) -> tuple[str, ...]:
        return (*stage_points(self.stages(datapath)), "output")

    def output_type(self, inputs: Sequence[TensorType], datapath: Datapath) -> TensorType:
        return TensorType(shape=only(inputs).shape, bits=self.bits)

    def check(self, inputs: Sequence[TensorType], datapath: Datapath) -> None:
        require_words(inputs)
        (x,) = inputs
        stages = self.stages(datapath)
        check_fields(self.fields, stages, datapath, x.shape[-1], "fields")
        check_reach(stages, x.codes.interval, self.fields, self.output_type(inputs, datapath))

    def prepare(self, inputs: Sequence[TensorType], output: TensorType, datapath: Datapath) -> Executor:
        from npusim.steps.executors.pipeline import PipelineExecutor

        return PipelineExecutor(self.stages(datapath), self.fields, inputs[0], output)
