"""slice: a part of a tensor, every n-th element of an axis if wanted (W7)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np

from npusim.arity import only
from npusim.layers.base import FloatTensor, Layer
from npusim.layers.lowering import Lowering
from npusim.model import Shape
from npusim.moments import Moments
from npusim.steps.base import Step
from npusim.steps.slice import Cuts, SliceStep, cut_shape


class Slice(Layer):
    """Along every axis the elements from `start` to before `stop`, each `step` apart.

    Attributes
    ----------
    cuts
        (start, stop, step) of every axis, without the batch.
    """

    kind: ClassVar[str] = "slice"
    keeps_codes: ClassVar[bool] = True

    layer: Literal["slice"] = "slice"
    cuts: Cuts

    def output_shapes(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        return (cut_shape(only(inputs), self.cuts),)

    def forward(self, inputs: Sequence[FloatTensor]) -> tuple[FloatTensor, ...]:
        (x,) = inputs
        return (x[(slice(None), *(slice(*cut) for cut in self.cuts))],)

    def moments(self, inputs: Sequence[Moments]) -> Moments:
        """Those of the channels that are left."""
        return inputs[0].chosen(np.arange(*self.cuts[-1], dtype=np.int64))

    def lower(self, lowering: Lowering) -> list[Step]:
        return [SliceStep(name=self.name, inputs=self.inputs, output=self.outputs[0], cuts=self.cuts)]
