"""The mac step: conv2d, depthwise_conv2d and dense on the MAC array, with the rescale behind it (W2-W4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from npusim.arity import only
from npusim.datapath.model import Datapath
from npusim.datapath.operations import PipelineRole
from npusim.errors import InputError
from npusim.spec.stages import BaseStage
from npusim.steps.base import Executor, TensorType, activation_type, require_activations
from npusim.steps.fields import Activation, check_fields
from npusim.steps.mac_array import MacArrayStep, MacOperation
from npusim.steps.pipelines import require_pipeline, stage_points


class MacStep(MacArrayStep):
    """A convolution, depthwise convolution or dense layer.

    Attributes
    ----------
    fields
        The registers of the datapath's pipeline; `x_zero` pads, `weight_zero` is taken off weights.
    activation
        Which clamp bounds an activation function set.
    """

    kind: ClassVar[str] = "mac"

    step: Literal["mac"] = "mac"
    activation: Activation = Activation.NONE

    @property
    def outputs(self) -> int:
        return int(self.weights.shape[0])

    def stages(self, datapath: Datapath) -> tuple[BaseStage, ...]:
        """The rescale pipeline."""
        return require_pipeline(datapath, self.operation.value, PipelineRole.RESULT)

    def taps(self, datapath: Datapath) -> tuple[str, ...]:
        return ("accumulator", *stage_points(self.stages(datapath)), "output")

    def output_type(self, inputs: Sequence[TensorType], datapath: Datapath) -> TensorType:
        return activation_type(self.output_shape(only(inputs)), datapath)

    def check(self, inputs: Sequence[TensorType], datapath: Datapath) -> None:
        require_activations(inputs, datapath)
        if datapath.operand != datapath.activation.register:
            raise InputError(
                f"the multiplier of {datapath.name} reads digits of activations",
                key="inputs[0]",
                found=str(datapath.activation.register),
                allowed=f"accumulate steps that read {datapath.operand}",
            )
        stages = self.stages(datapath)
        check_fields(self.fields, stages, datapath, self.outputs, "fields")
        self.check_operands(inputs[0], datapath)

    def prepare(self, inputs: Sequence[TensorType], output: TensorType, datapath: Datapath) -> Executor:
        from npusim.steps.executors.mac import MacExecutor

        return MacExecutor(self, inputs[0], output, datapath)


__all__ = ["MacOperation", "MacStep"]
