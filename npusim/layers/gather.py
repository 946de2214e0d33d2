"""gather: elements of one axis by their places, in any order, some of them several times (W7)."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import ClassVar, Literal

import numpy as np

from npusim.arity import only
from npusim.axes import Axis, place
from npusim.errors import InputError
from npusim.files.arrays import IntegerVector
from npusim.layers.base import FloatTensor, Layer
from npusim.layers.lowering import Lowering
from npusim.model import Shape
from npusim.moments import Moments
from npusim.steps.base import Step
from npusim.steps.reshape import ReshapeStep
from npusim.steps.resize_nearest import ResizeNearestStep


class Gather(Layer):
    """Copies along an axis: repeated, reversed, mirrored at the borders.

    Attributes
    ----------
    indices
        For each element of the output's axis the element of the input's axis that it copies, from 0.
    """

    kind: ClassVar[str] = "gather"
    keeps_codes: ClassVar[bool] = True

    layer: Literal["gather"] = "gather"
    axis: Axis = -1
    indices: IntegerVector

    def output_shapes(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        shape = only(inputs)
        at = place(self.axis, shape)
        least, greatest = int(self.indices.min()), int(self.indices.max())
        if least < 0 or greatest >= shape[at]:
            found = least if least < 0 else greatest
            raise InputError("no such element", key="indices", found=found, allowed=f"0..{shape[at] - 1}")
        return ((*shape[:at], self.indices.size, *shape[at + 1 :]),)

    def forward(self, inputs: Sequence[FloatTensor]) -> tuple[FloatTensor, ...]:
        (x,) = inputs
        return (x.take(self.indices, axis=1 + place(self.axis, x.shape[1:])),)

    def moments(self, inputs: Sequence[Moments]) -> Moments | None:
        """Those of the channels it copies; unchanged where the axis is known not to be the channels."""
        if self.axis == -1:
            return inputs[0].chosen(self.indices)
        return inputs[0] if self.axis < -1 else None

    def lower(self, lowering: Lowering) -> list[Step]:
        """A nearest resize of an image whose columns are the axis."""
        (x,), (y,) = self.inputs, self.outputs
        shape, target = lowering.shapes[x], lowering.shapes[y]
        at = place(self.axis, shape)
        image = (prod(shape[:at]), shape[at], prod(shape[at + 1 :]))
        steps: list[Step] = []
        if image != shape:
            columns = f"{self.name}.columns"
            steps.append(ReshapeStep(name=columns, inputs=(x,), output=columns, shape=image))
        plain = target == (image[0], self.indices.size, image[2])
        made = y if plain else f"{self.name}.copied"
        steps.append(
            ResizeNearestStep(
                name=self.name if plain else made,
                inputs=(steps[-1].output if steps else x,),
                output=made,
                rows=np.arange(image[0], dtype=np.int64),
                columns=self.indices.astype(np.int64),
            )
        )
        if not plain:
            steps.append(ReshapeStep(name=self.name, inputs=(made,), output=y, shape=target))
        return steps
