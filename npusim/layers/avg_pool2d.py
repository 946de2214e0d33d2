"""avg_pool2d: the mean of each window."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from npusim.arity import only
from npusim.geometry import image_shape
from npusim.layers.average_pooling import lower_average
from npusim.layers.base import FloatTensor, Layer
from npusim.layers.lowering import Lowering
from npusim.layers.windows import reduced
from npusim.model import Pads, Pair, Shape
from npusim.moments import Moments
from npusim.steps.average_pool import averages_codes
from npusim.steps.base import Step
from npusim.steps.pad import PadStep
from npusim.steps.pool_windows import pixels_inside, window_counts


class AvgPool2d(Layer):
    """Average an image's windows, channel by channel.

    Attributes
    ----------
    padding
        Zeros around the image: ((above, below), (left, right)).
    count_padding
        Whether a window's mean is taken over all of the kernel, or over the pixels inside the image.
    """

    kind: ClassVar[str] = "avg_pool2d"
    averages: ClassVar[bool] = True

    layer: Literal["avg_pool2d"] = "avg_pool2d"
    kernel: Pair
    stride: Pair = (1, 1)
    padding: Pads = ((0, 0), (0, 0))
    count_padding: bool = False

    def output_shapes(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        rows, columns, channels = image_shape(only(inputs))
        made = pixels_inside((rows, columns), self.kernel, self.stride, self.padding).shape
        return ((made[0], made[1], channels),)

    def forward(self, inputs: Sequence[FloatTensor]) -> tuple[FloatTensor, ...]:
        (x,) = inputs
        sums = reduced(x, self.kernel, self.stride, self.padding, np.add, fill=0.0)
        counts = self._counts(x.shape[1], x.shape[2])
        return (sums / counts[..., np.newaxis].astype(x.dtype),)

    def moments(self, inputs: Sequence[Moments]) -> Moments:
        """Unchanged: neighbouring pixels are anything but independent."""
        return inputs[0]

    def lower(self, lowering: Lowering) -> list[Step]:
        (x,) = self.inputs
        rows, columns, _ = image_shape(lowering.shapes[x])
        counts = self._counts(rows, columns)
        geometry: dict[str, Any] = {"kernel": self.kernel, "stride": self.stride}
        padded = any(before or after for before, after in self.padding)
        if not (padded and self.count_padding and averages_codes(lowering.datapath)):
            geometry |= {"padding": self.padding, "count_padding": self.count_padding}
            return [lower_average(self, lowering, counts, **geometry)]
        # Codes are averaged as they are: padding that counts must hold the code that means zero.
        zero = lowering.quantization[x].zero_point
        name = f"{self.name}.padded"
        pad = PadStep(name=name, inputs=(x,), output=name, pads=(*self.padding, (0, 0)), value=zero)
        pool = lower_average(self, lowering, counts, **geometry)
        return [pad, pool.replace(inputs=(name,))]

    def _counts(self, rows: int, columns: int) -> npt.NDArray[np.int64]:
        return window_counts((rows, columns), self.kernel, self.stride, self.padding, self.count_padding)
