"""flatten: everything in one row."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import ClassVar, Literal

from npusim.arity import only
from npusim.layers.reshaping import ReshapingLayer
from npusim.model import Shape
from npusim.moments import Moments


class Flatten(ReshapingLayer):
    """A tensor as a vector, the last axis running fastest."""

    kind: ClassVar[str] = "flatten"

    layer: Literal["flatten"] = "flatten"

    def output_shapes(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        return ((prod(only(inputs)),),)

    def moments(self, inputs: Sequence[Moments]) -> Moments:
        """The channels', of which the features are repetitions."""
        return inputs[0]
