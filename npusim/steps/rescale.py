"""The rescale step: accumulators that were kept between passes become codes (W4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from npusim.arity import only
from npusim.datapath.model import Datapath
from npusim.datapath.operations import PipelineRole
from npusim.errors import InputError
from npusim.spec.interval import Interval
from npusim.spec.stages import BaseStage
from npusim.steps.base import Executor, Step, TensorType, activation_type
from npusim.steps.fields import Activation, FieldValues, check_fields
from npusim.steps.mac_array import MacOperation
from npusim.steps.pipelines import require_pipeline, stage_points


class RescaleStep(Step):
    """The pipeline behind a MAC array, for sums that accumulate steps made.

    Attributes
    ----------
    operation
        Whose pipeline.
    fields
        The pipeline's registers.
    activation
        Which clamp bounds an activation function set.
    """

    kind: ClassVar[str] = "rescale"

    step: Literal["rescale"] = "rescale"
    operation: MacOperation
    fields: FieldValues
    activation: Activation = Activation.NONE

    def stages(self, datapath: Datapath) -> tuple[BaseStage, ...]:
        """The rescale pipeline."""
        return require_pipeline(datapath, self.operation.value, PipelineRole.RESULT)

    def taps(self, datapath: Datapath) -> tuple[str, ...]:
        return (*stage_points(self.stages(datapath)), "output")

    def output_type(self, inputs: Sequence[TensorType], datapath: Datapath) -> TensorType:
        return activation_type(only(inputs).shape, datapath)

    def check(self, inputs: Sequence[TensorType], datapath: Datapath) -> None:
        require_accumulators(inputs, datapath)
        check_fields(self.fields, self.stages(datapath), datapath, inputs[0].shape[-1], "fields")

    def prepare(self, inputs: Sequence[TensorType], output: TensorType, datapath: Datapath) -> Executor:
        from npusim.steps.executors.rescale import RescaleExecutor

        return RescaleExecutor(self, output, datapath)


def require_accumulators(inputs: Sequence[TensorType], datapath: Datapath) -> None:
    """Raise InputError if an input is wider than the accumulators that pipelines were proven for."""
    register = Interval.of(datapath.mac.accumulator.register)
    for index, found in enumerate(inputs):
        if not found.codes.interval.within(register):
            raise InputError(
                "wider than the accumulator",
                key=f"inputs[{index}]",
                found=str(found.codes.register),
                allowed=str(datapath.mac.accumulator.register),
            )
