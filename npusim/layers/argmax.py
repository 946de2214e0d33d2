"""argmax: where along an axis the largest value stands; the first one of several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from npusim.arity import only
from npusim.layers.axes import Axis, place
from npusim.layers.base import FloatTensor, Layer
from npusim.layers.lowering import Lowering
from npusim.layers.missing import missing_pipeline
from npusim.model import Shape
from npusim.steps.base import Step


class Argmax(Layer):
    """An index from 0 instead of an axis."""

    kind: ClassVar[str] = "argmax"

    layer: Literal["argmax"] = "argmax"
    axis: Axis = -1

    def output_shapes(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        shape = only(inputs)
        at = place(self.axis, shape)
        return ((*shape[:at], *shape[at + 1 :]) or (1,),)

    def forward(self, inputs: Sequence[FloatTensor]) -> tuple[FloatTensor, ...]:
        (x,) = inputs
        found = x.argmax(axis=1 + place(self.axis, x.shape[1:])).astype(x.dtype)
        return (found.reshape(len(x), *self.output_shapes([x.shape[1:]])[0]),)

    def lower(self, lowering: Lowering) -> list[Step]:
        raise missing_pipeline(lowering.datapath, self.kind)
