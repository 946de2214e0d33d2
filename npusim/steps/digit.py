"""The digit step: one digit of wide codes, as narrow as the MAC's operand (A7)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from npusim.arity import only
from npusim.datapath.model import Datapath
from npusim.errors import InputError
from npusim.steps.base import Executor, Step, TensorType, require_activations


class DigitStep(Step):
    """Some bits of each code; `npusim.spec.expansion.digit` is its meaning.

    Attributes
    ----------
    shift
        The lowest of the bits.
    bits
        How many.
    """

    kind: ClassVar[str] = "digit"

    step: Literal["digit"] = "digit"
    shift: Annotated[int, Field(ge=0, le=15)]
    bits: Annotated[int, Field(ge=2, le=16)]

    def output_type(self, inputs: Sequence[TensorType], datapath: Datapath) -> TensorType:
        x = only(inputs)
        if not x.signed or self.shift >= x.bits:
            raise InputError(
                "digits are taken of signed codes", key="shift", found=f"{self.shift} of {x.bits}"
            )
        return TensorType(shape=x.shape, bits=self.bits)

    def check(self, inputs: Sequence[TensorType], datapath: Datapath) -> None:
        require_activations(inputs, datapath)
        if datapath.operand.bits != self.bits:
            raise InputError(
                f"the multiplier of {datapath.name} reads other operands",
                key="bits",
                found=self.bits,
                allowed=str(datapath.operand.bits),
            )

    def prepare(self, inputs: Sequence[TensorType], output: TensorType, datapath: Datapath) -> Executor:
        from npusim.steps.executors.digit import DigitExecutor

        return DigitExecutor(self, inputs[0], output)
