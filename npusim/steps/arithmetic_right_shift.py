"""The arithmetic_right_shift step: each value shifted by its own number of bits (A1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from npusim.arity import exactly
from npusim.datapath.model import Datapath
from npusim.geometry import broadcast_shape
from npusim.spec.rounding import Rounding
from npusim.spec.stages import BaseStage, ShiftRight
from npusim.steps.base import Executor, Step, TensorType
from npusim.steps.pipelines import stage_points
from npusim.steps.words import require_words


class ArithmeticRightShiftStep(Step):
    """The first tensor's values shifted right by the second's; sizes of 1 are repeated.

    A negative number of bits is 0; at and beyond the value's width the sign is left (A1).

    Attributes
    ----------
    rounding
        The rule for the bits that are dropped.
    """

    kind: ClassVar[str] = "arithmetic_right_shift"

    step: Literal["arithmetic_right_shift"] = "arithmetic_right_shift"
    rounding: Rounding

    @property
    def stages(self) -> tuple[BaseStage, ...]:
        """The one stage it is; `bits` differs from value to value."""
        return (ShiftRight(by=("bits",), rounding=self.rounding),)

    def taps(self, datapath: Datapath) -> tuple[str, ...]:
        return (*stage_points(self.stages), "output")

    def output_type(self, inputs: Sequence[TensorType], datapath: Datapath) -> TensorType:
        a, b = exactly(inputs, 2)
        return a.replace(shape=broadcast_shape(a.shape, b.shape))

    def check(self, inputs: Sequence[TensorType], datapath: Datapath) -> None:
        require_words(inputs)

    def prepare(self, inputs: Sequence[TensorType], output: TensorType, datapath: Datapath) -> Executor:
        from npusim.steps.executors.arithmetic_right_shift import ArithmeticRightShiftExecutor

        return ArithmeticRightShiftExecutor(self, output)
