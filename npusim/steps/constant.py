"""The constant step: codes that are stored, such as the second tensor of an addition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from npusim.datapath.model import Datapath
from npusim.errors import InputError
from npusim.files.arrays import IntegerArray
from npusim.steps.base import Array, Executor, Step, TensorType, activation_type
from npusim.steps.probe import Probe


class ConstantStep(Step):
    """The same activation codes for every image; it reads nothing.

    Attributes
    ----------
    codes
        In the output's shape, without the batch.
    """

    kind: ClassVar[str] = "constant"

    step: Literal["constant"] = "constant"
    codes: IntegerArray

    def output_type(self, inputs: Sequence[TensorType], datapath: Datapath) -> TensorType:
        if inputs:
            raise InputError("a constant reads nothing", key="inputs", found=len(inputs), allowed="0")
        return activation_type(self.codes.shape, datapath)

    def check(self, inputs: Sequence[TensorType], datapath: Datapath) -> None:
        allowed = datapath.activation.interval
        for code in (int(self.codes.min()), int(self.codes.max())):
            if code not in allowed:
                raise InputError("no activation code", key="codes", found=code, allowed=str(allowed))

    def prepare(self, inputs: Sequence[TensorType], output: TensorType, datapath: Datapath) -> Executor:
        return _ConstantExecutor(self, output)


class _ConstantExecutor(Executor):
    def __init__(self, step: ConstantStep, output: TensorType) -> None:
        self._codes = step.codes.astype(output.dtype)
        self._codes.setflags(write=False)

    def run(self, inputs: Sequence[Array], probe: Probe) -> Array:
        probe.tap("output", self._codes)
        return self._codes
