"""global_avg_pool: the mean over all rows and columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np

from npusim.arity import only
from npusim.geometry import image_shape
from npusim.layers.average_pooling import lower_average
from npusim.layers.base import FloatTensor, Layer
from npusim.layers.lowering import Lowering
from npusim.model import Shape
from npusim.moments import Moments
from npusim.steps.base import Step


class GlobalAvgPool(Layer):
    """Average an image, channel by channel.

    Attributes
    ----------
    keep_dims
        Whether the result is an image of one pixel, or a vector of channels.
    """

    kind: ClassVar[str] = "global_avg_pool"
    averages: ClassVar[bool] = True

    layer: Literal["global_avg_pool"] = "global_avg_pool"
    keep_dims: bool = False

    def output_shapes(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        _, _, channels = image_shape(only(inputs))
        return ((1, 1, channels) if self.keep_dims else (channels,),)

    def forward(self, inputs: Sequence[FloatTensor]) -> tuple[FloatTensor, ...]:
        (x,) = inputs
        return (x.mean(axis=(1, 2), dtype=x.dtype, keepdims=self.keep_dims),)

    def moments(self, inputs: Sequence[Moments]) -> Moments:
        """Unchanged: neighbouring pixels are anything but independent."""
        return inputs[0]

    def lower(self, lowering: Lowering) -> list[Step]:
        rows, columns, _ = image_shape(lowering.shapes[self.inputs[0]])
        counts = np.array([rows * columns], np.int64)
        return [lower_average(self, lowering, counts, kernel=(rows, columns), keep_dims=self.keep_dims)]
