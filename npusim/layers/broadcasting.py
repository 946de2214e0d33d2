"""What sub, mul, minimum and maximum share: two tensors, element by element, one stretched where it is 1."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from npusim.arity import exactly
from npusim.errors import InputError
from npusim.layers.base import FloatTensor
from npusim.layers.fusing import FusingLayer
from npusim.layers.lowering import Lowering
from npusim.layers.missing import missing_pipeline
from npusim.model import Shape
from npusim.steps.base import Step


class BroadcastingLayer(FusingLayer):
    """A function of two tensors. Shapes are of one length; a length of 1 is repeated."""

    def function(self, a: FloatTensor, b: FloatTensor) -> FloatTensor:
        """The function, in the type of its arguments."""
        raise NotImplementedError

    def output_shapes(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        a, b = exactly(inputs, 2)
        fits = len(a) == len(b) and all(m == n or 1 in {m, n} for m, n in zip(a, b, strict=True))
        if not fits:
            raise InputError(
                "the shapes do not go together", key="inputs", found=b, allowed=f"like {a}, or 1 instead"
            )
        return (tuple(max(m, n) for m, n in zip(a, b, strict=True)),)

    def forward(self, inputs: Sequence[FloatTensor]) -> tuple[FloatTensor, ...]:
        made = self.function(*inputs)
        return (made if self.clip is None else np.clip(made, *self.clip),)

    def lower(self, lowering: Lowering) -> list[Step]:
        raise missing_pipeline(lowering.datapath, self.kind)
