"""The transpose step: the same codes with the axes in another order (W7)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from npusim.arity import only
from npusim.datapath.model import Datapath
from npusim.errors import InputError
from npusim.model import Shape
from npusim.steps.base import Array, Executor, Step, TensorType
from npusim.steps.probe import Probe

Permutation = Annotated[tuple[Annotated[int, Field(ge=0, le=7)], ...], Field(min_length=1, max_length=8)]
"""For each axis of the output the axis of the input that it was, without the batch."""


class TransposeStep(Step):
    """A tensor whose axis i was axis ``permutation[i]``."""

    kind: ClassVar[str] = "transpose"

    step: Literal["transpose"] = "transpose"
    permutation: Permutation

    def output_type(self, inputs: Sequence[TensorType], datapath: Datapath) -> TensorType:
        x = only(inputs)
        return x.replace(shape=transposed_shape(x.shape, self.permutation))

    def prepare(self, inputs: Sequence[TensorType], output: TensorType, datapath: Datapath) -> Executor:
        return _TransposeExecutor(self)


class _TransposeExecutor(Executor):
    def __init__(self, step: TransposeStep) -> None:
        self._permutation = step.permutation

    def run(self, inputs: Sequence[Array], probe: Probe) -> Array:
        result = np.ascontiguousarray(inputs[0].transpose(self._permutation))
        probe.tap("output", result)
        return result


def transposed_shape(shape: Shape, permutation: Permutation) -> Shape:
    """The shape of a transposed tensor.

    Raises
    ------
    InputError
        If the permutation does not name every axis once.
    """
    if sorted(permutation) != list(range(len(shape))):
        raise InputError(
            "every axis is wanted once",
            key="permutation",
            found=permutation,
            allowed=f"an order of 0..{len(shape) - 1} for the shape {shape}",
        )
    return tuple(shape[axis] for axis in permutation)
