"""conv2d_transpose: every input pixel spreads a kernel over the output; upsampling that learns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np

from npusim.arity import only
from npusim.errors import InputError
from npusim.files.arrays import FloatArray
from npusim.geometry import image_shape
from npusim.layers.base import FloatTensor
from npusim.layers.fusing import FusingLayer
from npusim.layers.lowering import Lowering
from npusim.layers.missing import missing_pipeline
from npusim.model import Padding, Pads, Pair, Shape, Size
from npusim.steps.base import Step


class Conv2dTranspose(FusingLayer):
    """Transposed convolution: the convolution of the zero-inserted input (A6).

    Attributes
    ----------
    weights
        (outputs, kernel rows, kernel columns, inputs per group), as they meet the output: tap (0, 0)
        reaches the upper left pixel.
    bias
        One per output channel; None: zero.
    padding
        Pixels taken off the full output: ((above, below), (left, right)).
    output_padding
        Rows and columns added below and to the right.
    """

    kind: ClassVar[str] = "conv2d_transpose"

    layer: Literal["conv2d_transpose"] = "conv2d_transpose"
    weights: FloatArray
    bias: FloatArray | None = None
    stride: Pair = (1, 1)
    dilation: Pair = (1, 1)
    padding: Pads = ((0, 0), (0, 0))
    output_padding: tuple[Padding, Padding] = (0, 0)
    groups: Size = 1

    def output_shapes(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        rows, columns, channels = image_shape(only(inputs))
        shape = self.weights.shape
        fits = len(shape) == 4 and shape[3] * self.groups == channels and shape[0] % self.groups == 0
        if not fits:
            raise InputError(
                "weights do not fit the input",
                key="weights",
                found=shape,
                allowed=f"(outputs, rows, columns, inputs per group) for {channels} channels in "
                f"{self.groups} groups",
            )
        if self.bias is not None and self.bias.shape != shape[:1]:
            raise InputError(
                "one bias per output channel is wanted",
                key="bias",
                found=self.bias.shape,
                allowed=f"{shape[:1]}",
            )
        full = self._full_size((rows, columns))
        size = tuple(length - sum(pads) for length, pads in zip(full, self.padding, strict=True))
        if min(size) < 1:
            raise InputError("the padding leaves nothing", key="padding", found=self.padding)
        return ((*size, shape[0]),)

    def _full_size(self, size: tuple[int, int]) -> tuple[int, int]:
        rows, columns = (
            (length - 1) * step + (taps - 1) * spread + 1 + extra
            for length, step, taps, spread, extra in zip(
                size, self.stride, self.weights.shape[1:3], self.dilation, self.output_padding, strict=True
            )
        )
        return rows, columns

    def forward(self, inputs: Sequence[FloatTensor]) -> tuple[FloatTensor, ...]:
        (x,) = inputs
        full = self._full_size((x.shape[1], x.shape[2]))
        made = np.zeros((len(x), *full, self.weights.shape[0]), x.dtype)
        for row in range(self.weights.shape[1]):
            for column in range(self.weights.shape[2]):
                above, left = row * self.dilation[0], column * self.dilation[1]
                below = above + (x.shape[1] - 1) * self.stride[0] + 1
                right = left + (x.shape[2] - 1) * self.stride[1] + 1
                made[:, above : below : self.stride[0], left : right : self.stride[1]] += self._spread(
                    x, row, column
                )
        (top, bottom), (first, last) = self.padding
        cut = made[:, top : full[0] - bottom, first : full[1] - last]
        result = cut if self.bias is None else cut + self.bias.astype(x.dtype)
        return (result if self.clip is None else np.clip(result, *self.clip),)

    def _spread(self, x: FloatTensor, row: int, column: int) -> FloatTensor:
        """What one tap adds to the output, all groups behind each other."""
        taps = self.weights[:, row, column].astype(x.dtype)  # outputs, inputs per group
        parts = zip(np.split(x, self.groups, axis=-1), np.split(taps, self.groups), strict=True)
        return np.concatenate([part @ weights.T for part, weights in parts], axis=-1)

    def lower(self, lowering: Lowering) -> list[Step]:
        raise missing_pipeline(lowering.datapath, self.kind)
