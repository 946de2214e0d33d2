"""The reshape step: the same codes in the same order in another shape (W7)."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, ClassVar, Literal

from npusim.arity import only
from npusim.datapath.model import Datapath
from npusim.errors import InputError
from npusim.model import Shape
from npusim.steps.base import Array, Executor, Step, TensorType
from npusim.steps.probe import Probe

if TYPE_CHECKING:  # loading a program loads no kernels
    from npusim.kernels.direct.protocol import Direct
    from npusim.steps.executors.counting import Counted


class ReshapeStep(Step):
    """A tensor in the shape `shape`, without the batch."""

    kind: ClassVar[str] = "reshape"

    step: Literal["reshape"] = "reshape"
    shape: Shape

    def output_type(self, inputs: Sequence[TensorType], datapath: Datapath) -> TensorType:
        x = only(inputs)
        if prod(x.shape) != prod(self.shape):
            raise InputError(
                "the input does not fill the shape",
                key="shape",
                found=self.shape,
                allowed=f"{prod(x.shape)} values, as in {x.shape}",
            )
        return x.replace(shape=self.shape)

    def prepare(self, inputs: Sequence[TensorType], output: TensorType, datapath: Datapath) -> Executor:
        return _ReshapeExecutor(self, output)


class _ReshapeExecutor(Executor):
    def __init__(self, step: ReshapeStep, output: TensorType) -> None:
        self._shape, self._bytes = step.shape, prod(output.shape) * output.dtype.itemsize

    def direct(self) -> Direct | None:
        from npusim.kernels.codes import direct_copy

        return direct_copy(self._bytes)

    def counted(self) -> Counted | None:
        from npusim.steps.executors.counting import eventless

        return eventless(self.direct())

    def run(self, inputs: Sequence[Array], probe: Probe) -> Array:
        result = inputs[0].reshape(self._shape)
        probe.tap("output", result)
        return result
