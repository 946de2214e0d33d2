"""max_pool2d: the greatest value of each window."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np

from npusim.arity import only
from npusim.geometry import image_shape
from npusim.layers.base import FloatTensor, Layer
from npusim.layers.lowering import Lowering
from npusim.layers.windows import reduced
from npusim.model import Pads, Pair, Shape
from npusim.steps.base import Step
from npusim.steps.max_pool import MaxPoolStep
from npusim.steps.pool_windows import pixels_inside


class MaxPool2d(Layer):
    """The maximum of an image's windows, channel by channel.

    Attributes
    ----------
    padding
        Around the image: ((above, below), (left, right)); it never wins.
    """

    kind: ClassVar[str] = "max_pool2d"
    keeps_codes: ClassVar[bool] = True

    layer: Literal["max_pool2d"] = "max_pool2d"
    kernel: Pair
    stride: Pair = (1, 1)
    padding: Pads = ((0, 0), (0, 0))

    def output_shapes(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        rows, columns, channels = image_shape(only(inputs))
        made = pixels_inside((rows, columns), self.kernel, self.stride, self.padding).shape
        return ((made[0], made[1], channels),)

    def forward(self, inputs: Sequence[FloatTensor]) -> tuple[FloatTensor, ...]:
        (x,) = inputs
        return (reduced(x, self.kernel, self.stride, self.padding, np.maximum, fill=-np.inf),)

    def lower(self, lowering: Lowering) -> list[Step]:
        return [
            MaxPoolStep(
                name=self.name,
                inputs=self.inputs,
                output=self.outputs[0],
                kernel=self.kernel,
                stride=self.stride,
                padding=self.padding,
            )
        ]
