"""matmul: the product of two matrices that are both computed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np

from npusim.arity import exactly
from npusim.errors import InputError
from npusim.layers.base import FloatTensor, Layer
from npusim.layers.lowering import Lowering
from npusim.layers.missing import missing_pipeline
from npusim.model import Shape
from npusim.steps.base import Step


class Matmul(Layer):
    """(..., rows, inner) times (..., inner, columns), for every leading index."""

    kind: ClassVar[str] = "matmul"

    layer: Literal["matmul"] = "matmul"

    def output_shapes(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        a, b = exactly(inputs, 2)
        if len(a) < 2 or a[:-2] != b[:-2] or len(b) != len(a) or a[-1] != b[-2]:
            raise InputError(
                "the matrices do not fit",
                key="inputs",
                found=(a, b),
                allowed="(..., rows, inner) and (..., inner, columns)",
            )
        return ((*a[:-1], b[-1]),)

    def forward(self, inputs: Sequence[FloatTensor]) -> tuple[FloatTensor, ...]:
        return (np.matmul(*inputs),)

    def lower(self, lowering: Lowering) -> list[Step]:
        raise missing_pipeline(lowering.datapath, self.kind)
