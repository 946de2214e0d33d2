"""The slice step: a part of a tensor (W7)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from npusim.arity import only
from npusim.datapath.model import Datapath
from npusim.errors import InputError
from npusim.model import Shape, Size
from npusim.steps.base import Array, Executor, Step, TensorType
from npusim.steps.probe import Probe

Place = Annotated[int, Field(ge=0, le=1 << 20)]
Cuts = Annotated[tuple[tuple[Place, Size, Size], ...], Field(min_length=1, max_length=8)]
"""(start, stop, step) of every axis, without the batch."""


class SliceStep(Step):
    """Along every axis the codes from `start` to before `stop`, each `step` apart."""

    kind: ClassVar[str] = "slice"

    step: Literal["slice"] = "slice"
    cuts: Cuts

    def output_type(self, inputs: Sequence[TensorType], datapath: Datapath) -> TensorType:
        x = only(inputs)
        return x.replace(shape=cut_shape(x.shape, self.cuts))

    def prepare(self, inputs: Sequence[TensorType], output: TensorType, datapath: Datapath) -> Executor:
        return _SliceExecutor(self)


class _SliceExecutor(Executor):
    def __init__(self, step: SliceStep) -> None:
        self._parts = tuple(slice(*cut) for cut in step.cuts)

    def run(self, inputs: Sequence[Array], probe: Probe) -> Array:
        result = np.ascontiguousarray(inputs[0][self._parts])
        probe.tap("output", result)
        return result


def cut_shape(shape: Shape, cuts: Cuts) -> Shape:
    """The shape of a part.

    Raises
    ------
    InputError
        If there are not as many cuts as axes, or one leaves nothing or reaches beyond the tensor.
    """
    if len(cuts) != len(shape):
        raise InputError(
            "one (start, stop, step) per axis is wanted",
            key="cuts",
            found=len(cuts),
            allowed=f"{len(shape)}, for the shape {shape}",
        )
    for axis, ((start, stop, _), length) in enumerate(zip(cuts, shape, strict=True)):
        if not start < stop <= length:
            raise InputError(
                "no such part",
                key=f"cuts[{axis}]",
                found=(start, stop),
                allowed=f"start < stop <= {length}",
            )
    return tuple(len(range(*cut)) for cut in cuts)
