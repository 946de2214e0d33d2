"""The constant step: codes that are stored, such as the second tensor of an addition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from npusim.datapath.model import Datapath
from npusim.errors import InputError
from npusim.files.arrays import IntegerArray
from npusim.steps.base import Array, Executor, Step, TensorType, activation_type
from npusim.steps.probe import Probe


class ConstantStep(Step):
    """The same codes for every image; it reads nothing.

    Attributes
    ----------
    codes
        In the output's shape, without the batch.
    bits, signed
        The output's codes; null: those of activations.
    """

    kind: ClassVar[str] = "constant"

    step: Literal["constant"] = "constant"
    codes: IntegerArray
    bits: Annotated[int, Field(ge=1, le=63)] | None = None
    signed: bool = True

    def output_type(self, inputs: Sequence[TensorType], datapath: Datapath) -> TensorType:
        if inputs:
            raise InputError("a constant reads nothing", key="inputs", found=len(inputs), allowed="0")
        if self.bits is None:
            return activation_type(self.codes.shape, datapath)
        return TensorType(shape=self.codes.shape, bits=self.bits, signed=self.signed)

    def check(self, inputs: Sequence[TensorType], datapath: Datapath) -> None:
        activations = self.bits is None
        made = datapath.activation if activations else self.output_type(inputs, datapath).codes
        what = "no activation code" if activations else "no code of the output"
        for code in (int(self.codes.min()), int(self.codes.max())):
            if code not in made.interval:
                raise InputError(what, key="codes", found=code, allowed=str(made.interval))

    def prepare(self, inputs: Sequence[TensorType], output: TensorType, datapath: Datapath) -> Executor:
        return _ConstantExecutor(self, output)


class _ConstantExecutor(Executor):
    def __init__(self, step: ConstantStep, output: TensorType) -> None:
        self._codes = step.codes.astype(output.dtype)
        self._codes.setflags(write=False)

    def run(self, inputs: Sequence[Array], probe: Probe) -> Array:
        probe.tap("output", self._codes)
        return self._codes
