"""The sum_orders step: an accumulator and a multiplier for each order, added before the one rounding (A7)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from npusim.datapath.model import Datapath
from npusim.datapath.operations import PipelineRole
from npusim.errors import InputError
from npusim.spec.expansion import ExpansionForm
from npusim.spec.stages import BaseStage
from npusim.steps.base import Executor, Step, TensorType, activation_type
from npusim.steps.fields import Activation, FieldValues, check_fields
from npusim.steps.pipelines import operand_prefix, require_pipeline, stage_points
from npusim.steps.rescale import require_accumulators


class SumOrdersStep(Step):
    """Residual orders whose scales are free: ``rescale(sum(accumulator * multiplier << align))``.

    Attributes
    ----------
    inputs
        The accumulators of each order.
    operand_fields
        The registers of each order's operand pipeline.
    fields
        The registers of the result pipeline.
    activation
        Which clamp bounds an activation function set.
    """

    kind: ClassVar[str] = "sum_orders"

    step: Literal["sum_orders"] = "sum_orders"
    operand_fields: Annotated[tuple[FieldValues, ...], Field(min_length=1)]
    fields: FieldValues
    activation: Activation = Activation.NONE

    def operand_stages(self, datapath: Datapath) -> tuple[BaseStage, ...]:
        """What multiplies and aligns an accumulator."""
        return require_pipeline(datapath, "expansion", PipelineRole.OPERAND)

    def result_stages(self, datapath: Datapath) -> tuple[BaseStage, ...]:
        """What rescales the sum."""
        return require_pipeline(datapath, "expansion", PipelineRole.RESULT)

    def taps(self, datapath: Datapath) -> tuple[str, ...]:
        stages = self.operand_stages(datapath)
        orders = range(len(self.inputs))
        operands = [point for index in orders for point in stage_points(stages, operand_prefix(index))]
        return (*operands, "sum", *stage_points(self.result_stages(datapath)), "output")

    def output_type(self, inputs: Sequence[TensorType], datapath: Datapath) -> TensorType:
        if len(inputs) != len(self.operand_fields):
            raise InputError(
                "each order has its fields", key="operand_fields", found=len(self.operand_fields),
                allowed=str(len(inputs)),
            )  # fmt: skip
        shapes = {x.shape for x in inputs}
        if len(shapes) != 1:
            raise InputError("orders have one shape", key="inputs", found=sorted(shapes))
        return activation_type(inputs[0].shape, datapath)

    def check(self, inputs: Sequence[TensorType], datapath: Datapath) -> None:
        require_accumulators(inputs, datapath)
        expansion = datapath.mac.expansion
        if expansion is None or expansion.form is not ExpansionForm.MULTIPLIER_PER_ORDER:
            raise InputError(
                f"the datapath {datapath.name} has no multiplier for each order",
                key="mac.expansion.form",
                found="none" if expansion is None else expansion.form.value,
                allowed=ExpansionForm.MULTIPLIER_PER_ORDER.value,
            )
        if len(inputs) > expansion.orders:
            raise InputError(
                "more orders than the datapath adds",
                key="inputs",
                found=len(inputs),
                allowed=str(expansion.orders),
            )
        stages, channels = self.operand_stages(datapath), inputs[0].shape[-1]
        for index, fields in enumerate(self.operand_fields):
            check_fields(fields, stages, datapath, channels, f"operand_fields[{index}]")
        check_fields(self.fields, self.result_stages(datapath), datapath, channels, "fields")

    def prepare(self, inputs: Sequence[TensorType], output: TensorType, datapath: Datapath) -> Executor:
        from npusim.steps.executors.sum_orders import SumOrdersExecutor

        return SumOrdersExecutor(self, inputs, output, datapath)
