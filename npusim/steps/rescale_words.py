"""The rescale_words step: values of one width and scale to another, as an operation of its own (W4)."""

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
from npusim.steps.words import check_reach


class RescaleWordsStep(Step):
    """Accumulators, words or codes through the datapath's `rescale_words` pipeline.

    Attributes
    ----------
    bits, signed
        The output's codes.
    fields
        The registers of the pipeline.
    """

    kind: ClassVar[str] = "rescale_words"

    step: Literal["rescale_words"] = "rescale_words"
    bits: Annotated[int, Field(ge=1, le=32)]
    signed: bool = True
    fields: FieldValues

    def stages(self, datapath: Datapath) -> tuple[BaseStage, ...]:
        """The pipeline."""
        return require_pipeline(datapath, self.kind, PipelineRole.RESULT)

    def taps(self, datapath: Datapath) -> tuple[str, ...]:
        return (*stage_points(self.stages(datapath)), "output")

    def output_type(self, inputs: Sequence[TensorType], datapath: Datapath) -> TensorType:
        return TensorType(shape=only(inputs).shape, bits=self.bits, signed=self.signed)

    def check(self, inputs: Sequence[TensorType], datapath: Datapath) -> None:
        (x,) = inputs
        stages = self.stages(datapath)
        check_fields(self.fields, stages, datapath, x.shape[-1], "fields")
        # The datapath's widths are proven for words: accumulators may be wider, or results narrower.
        check_reach(stages, x.codes.interval, self.fields, self.output_type(inputs, datapath))

    def prepare(self, inputs: Sequence[TensorType], output: TensorType, datapath: Datapath) -> Executor:
        from npusim.steps.executors.pipeline import PipelineExecutor

        return PipelineExecutor(self.stages(datapath), self.fields, inputs[0], output)
