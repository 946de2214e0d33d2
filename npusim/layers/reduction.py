"""What mean and sum share: values added over axes (W6)."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import prod
from typing import ClassVar

import numpy as np

from npusim.arity import only
from npusim.axes import Axes, places
from npusim.layers.average_pooling import average_step
from npusim.layers.base import FloatTensor, Layer
from npusim.layers.lowering import Lowering
from npusim.model import Shape
from npusim.moments import Moments
from npusim.steps.base import Step
from npusim.steps.reshape import ReshapeStep
from npusim.steps.transpose import TransposeStep


class ReducingLayer(Layer):
    """Sums over axes, divided by something.

    On the datapath an average pool of one window: the axes that go become its pixels, the others its
    channels; its multiplier folds what the sum is divided by.

    Attributes
    ----------
    axes
        Without the batch: of an image 0, 1 or 2; negative axes count from the end.
    keep_dims
        Whether the axes stay with the length 1.
    """

    divides: ClassVar[bool]

    axes: Axes
    keep_dims: bool = False

    def output_shapes(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        shape = only(inputs)
        gone = places(self.axes, shape)
        if self.keep_dims:
            return (tuple(1 if axis in gone else length for axis, length in enumerate(shape)),)
        return (tuple(length for axis, length in enumerate(shape) if axis not in gone) or (1,),)

    def forward(self, inputs: Sequence[FloatTensor]) -> tuple[FloatTensor, ...]:
        (x,) = inputs
        gone = places(self.axes, x.shape[1:])
        made = x.sum(axis=tuple(axis + 1 for axis in gone), dtype=x.dtype)
        made = made / x.dtype.type(self._count(x.shape[1:])) if self.divides else made
        return (made.reshape(len(x), *self.output_shapes([x.shape[1:]])[0]),)

    def _count(self, shape: Shape) -> int:
        return prod(shape[axis] for axis in places(self.axes, shape))

    def sized_moments(self, inputs: Sequence[Moments], shapes: Sequence[Shape]) -> Moments:
        """Pixels are anything but independent: a mean has one value's moments, a sum so many times them."""
        (before,), (shape,) = inputs, shapes
        channels = self.output_shapes(shapes)[0][-1]
        if len(shape) - 1 in places(self.axes, shape):
            before = before.mixed(channels)
        return before if self.divides else before.scaled(np.full(before.mean.size, self._count(shape), float))

    def lower(self, lowering: Lowering) -> list[Step]:
        (x,), (y,) = self.inputs, self.outputs
        shape = lowering.shapes[x]
        gone = places(self.axes, shape)
        kept = tuple(axis for axis in range(len(shape)) if axis not in gone)
        count = self._count(shape)
        image = (count, 1, prod(shape[axis] for axis in kept))
        steps: list[Step] = []
        if (*gone, *kept) != tuple(range(len(shape))):
            name = f"{self.name}.transposed"
            steps.append(TransposeStep(name=name, inputs=(x,), output=name, permutation=(*gone, *kept)))
        if image != shape:
            name = f"{self.name}.pixels"
            steps.append(ReshapeStep(name=name, inputs=(_last(steps, x),), output=name, shape=image))
        target = lowering.shapes[y]
        vector = len(target) == 1
        made = y if vector else f"{self.name}.vector"
        pool = average_step(
            self,
            lowering,
            np.array([count], np.int64),
            [Fraction(1, count if self.divides else 1)],
            name=self.name if vector else made,
            inputs=(_last(steps, x),),
            output=made,
            kernel=(count, 1),
            keep_dims=False,
        )
        steps.append(pool)
        if not vector:
            steps.append(ReshapeStep(name=self.name, inputs=(made,), output=y, shape=target))
        return steps


def _last(steps: Sequence[Step], x: str) -> str:
    return steps[-1].output if steps else x
