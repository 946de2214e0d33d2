"""What activation functions that are not mere clips share: one function, element by element."""

from __future__ import annotations

from collections.abc import Sequence

from npusim.arity import only
from npusim.layers.base import FloatTensor, Layer
from npusim.layers.lowering import Lowering
from npusim.layers.missing import missing_pipeline
from npusim.model import Shape
from npusim.steps.base import Step


class PointwiseLayer(Layer):
    """A function of each element by itself."""

    def function(self, x: FloatTensor) -> FloatTensor:
        """The function, in the type of its argument."""
        raise NotImplementedError

    def output_shapes(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        return (only(inputs),)

    def forward(self, inputs: Sequence[FloatTensor]) -> tuple[FloatTensor, ...]:
        (x,) = inputs
        return (self.function(x).astype(x.dtype, copy=False),)

    def lower(self, lowering: Lowering) -> list[Step]:
        raise missing_pipeline(lowering.datapath, self.kind)
