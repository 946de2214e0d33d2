"""The pad step: a constant code around a tensor (W7)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from npusim.arity import only
from npusim.datapath.model import Datapath
from npusim.errors import InputError
from npusim.model import Padding, Shape
from npusim.steps.base import Array, Executor, Step, TensorType
from npusim.steps.probe import Probe

AxisPads = Annotated[tuple[tuple[Padding, Padding], ...], Field(min_length=1)]
"""(before, after) of every axis, without the batch."""


class PadStep(Step):
    """A tensor with codes `value` before and after it along every axis."""

    kind: ClassVar[str] = "pad"

    step: Literal["pad"] = "pad"
    pads: AxisPads
    value: int

    def output_type(self, inputs: Sequence[TensorType], datapath: Datapath) -> TensorType:
        x = only(inputs)
        return x.replace(shape=padded_shape(x.shape, self.pads))

    def check(self, inputs: Sequence[TensorType], datapath: Datapath) -> None:
        codes = inputs[0].codes.interval
        if self.value not in codes:
            raise InputError("no code of the input", key="value", found=self.value, allowed=str(codes))

    def prepare(self, inputs: Sequence[TensorType], output: TensorType, datapath: Datapath) -> Executor:
        return _PadExecutor(self)


class _PadExecutor(Executor):
    def __init__(self, step: PadStep) -> None:
        self._step = step

    def run(self, inputs: Sequence[Array], probe: Probe) -> Array:
        result = np.pad(inputs[0], self._step.pads, constant_values=self._step.value)
        probe.tap("output", result)
        return result


def padded_shape(shape: Shape, pads: AxisPads) -> Shape:
    """The shape of a padded tensor.

    Raises
    ------
    InputError
        If there are not as many pads as axes.
    """
    if len(pads) != len(shape):
        raise InputError(
            "one (before, after) per axis is wanted",
            key="pads",
            found=len(pads),
            allowed=f"{len(shape)}, for the shape {shape}",
        )
    return tuple(length + before + after for length, (before, after) in zip(shape, pads, strict=True))
