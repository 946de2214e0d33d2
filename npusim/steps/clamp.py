"""The clamp step: an activation function that only clips, on codes of any type whose meaning stays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from npusim.arity import only
from npusim.datapath.model import Datapath
from npusim.errors import InputError
from npusim.spec.stages import BaseStage, Clamp
from npusim.steps.base import Executor, Step, TensorType
from npusim.steps.fields import Activation
from npusim.steps.pipelines import stage_points


class ClampStep(Step):
    """Codes clipped to `low` and `high`.

    Attributes
    ----------
    low, high
        Codes.
    activation
        Which of them an activation function set: a clip there is the event `activation` (A4).
    """

    kind: ClassVar[str] = "clamp"

    step: Literal["clamp"] = "clamp"
    low: int
    high: int
    activation: Activation = Activation.BOTH

    @property
    def stages(self) -> tuple[BaseStage, ...]:
        """The one stage it is."""
        return (Clamp(low="low", high="high"),)

    def taps(self, datapath: Datapath) -> tuple[str, ...]:
        return (*stage_points(self.stages), "output")

    def output_type(self, inputs: Sequence[TensorType], datapath: Datapath) -> TensorType:
        return only(inputs)

    def check(self, inputs: Sequence[TensorType], datapath: Datapath) -> None:
        codes = inputs[0].codes.interval
        for key, code in (("low", self.low), ("high", self.high)):
            if code not in codes:
                raise InputError("no code of the input", key=key, found=code, allowed=str(codes))
        if self.low > self.high:
            raise InputError(
                "the bounds are the wrong way round", key="low", found=self.low, allowed=f"up to {self.high}"
            )

    def prepare(self, inputs: Sequence[TensorType], output: TensorType, datapath: Datapath) -> Executor:
        from npusim.steps.executors.pipeline import PipelineExecutor

        fields = {"low": self.low, "high": self.high, "activation": int(self.activation.bounds)}
        return PipelineExecutor(self.stages, fields, inputs[0], output)
