"""The argmax step: the index of the greatest code along an axis, the first one of several (W6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from npusim.arity import only
from npusim.axes import Axis, place, without
from npusim.datapath.model import Datapath
from npusim.steps.base import Array, Executor, Step, TensorType
from npusim.steps.probe import Probe

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
        return _ArgmaxExecutor(place(self.axis, inputs[0].shape), output)


class _ArgmaxExecutor(Executor):
    def __init__(self, axis: int, output: TensorType) -> None:
        self._axis, self._output = axis, output

    def run(self, inputs: Sequence[Array], probe: Probe) -> Array:
        found = inputs[0].argmax(axis=self._axis)  # numpy: the first of several
        result: Array = found.astype(self._output.dtype).reshape(self._output.shape)
        probe.tap("output", result)
        return result
