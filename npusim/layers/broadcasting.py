"""What layers of two tensors share: element by element, one stretched where its length is 1."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from npusim.arity import exactly
from npusim.geometry import broadcast_shape
from npusim.layers.base import FloatTensor
from npusim.layers.fusing import FusingLayer
from npusim.model import Shape
from npusim.moments import Moments


class BroadcastingLayer(FusingLayer):
    """A function of two tensors. Shapes are of one length; a length of 1 is repeated."""

    def function(self, a: FloatTensor, b: FloatTensor) -> FloatTensor:
        """The function, in the type of its arguments."""
        raise NotImplementedError

    def combined(self, a: Moments, b: Moments) -> Moments:
        """Moments of the function of two independent variables."""
        raise NotImplementedError

    def output_shapes(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        a, b = exactly(inputs, 2)
        return (broadcast_shape(a, b),)

    def forward(self, inputs: Sequence[FloatTensor]) -> tuple[FloatTensor, ...]:
        made = self.function(*inputs)
        return (made if self.clip is None else np.clip(made, *self.clip),)

    def moments(self, inputs: Sequence[Moments]) -> Moments:
        """Those of the function, the branches taken as independent, between its bounds."""
        a, b = inputs
        made = self.combined(a, b)
        return made if self.clip is None else made.clipped(*self.clip)
