"""The argmax step: the index of the greatest code along an axis, the first one of several (W6)."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from npusim.arity import only
from npusim.axes import Axis, place, without
from npusim.datapath.model import Datapath
from npusim.steps.base import Array, Executor, Step, TensorType
from npusim.steps.probe import Probe

if TYPE_CHECKING:  # loading a program loads no kernels
    from npusim.kernels.direct.protocol import Direct
    from npusim.steps.executors.counting import Counted

INDEX_BITS = 32


class ArgmaxStep(Step):
    """Indices from 0, as 32-bit codes, instead of an axis.

    Attributes
    ----------
    axis
        Without the batch; negative axes count from the end.
    """

    kind: ClassVar[str] = "argmax"

    step: Literal["argmax"] = "argmax"
    axis: Axis = -1

    def output_type(self, inputs: Sequence[TensorType], datapath: Datapath) -> TensorType:
        return TensorType(shape=without(self.axis, only(inputs).shape), bits=INDEX_BITS)

    def prepare(self, inputs: Sequence[TensorType], output: TensorType, datapath: Datapath) -> Executor:
        return _ArgmaxExecutor(place(self.axis, inputs[0].shape), inputs[0], output)


class _ArgmaxExecutor(Executor):
    def __init__(self, axis: int, x: TensorType, output: TensorType) -> None:
        self._axis, self._x, self._output = axis, x, output

    def direct(self) -> Direct | None:
        from npusim.kernels.argmax import DirectArgmax

        shape = self._x.shape
        narrow = self._x.dtype.itemsize == 1 and self._output.dtype == np.int32
        if self._axis != len(shape) - 1 or not narrow:
            return None
        return DirectArgmax(prod(shape[:-1]), shape[-1], self._x.dtype)

    def counted(self) -> Counted | None:
        from npusim.steps.executors.counting import eventless

        return eventless(self.direct())

    def run(self, inputs: Sequence[Array], probe: Probe) -> Array:
        found = inputs[0].argmax(axis=self._axis)  # numpy: the first of several
        result: Array = found.astype(self._output.dtype).reshape(self._output.shape)
        probe.tap("output", result)
        return result
