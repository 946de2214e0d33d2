"""depthwise_conv2d: each output channel convolves one input channel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from npusim.arity import only
from npusim.errors import InputError
from npusim.geometry import image_shape, window_output
from npusim.layers.base import FloatTensor
from npusim.layers.mac_layer import MacLayer
from npusim.layers.windows import windows
from npusim.model import Pads, Pair, Shape
from npusim.steps.mac import MacOperation


class DepthwiseConv2d(MacLayer):
    """Convolve each channel of an image by itself.

    Attributes
    ----------
    weights
        (input channels * multiplier, kernel rows, kernel columns, 1); output channel o reads input
        channel o // multiplier.
    padding
        Zeros around the image: ((above, below), (left, right)).
    """

    kind: ClassVar[str] = "depthwise_conv2d"

    layer: Literal["depthwise_conv2d"] = "depthwise_conv2d"
    stride: Pair = (1, 1)
    dilation: Pair = (1, 1)
    padding: Pads = ((0, 0), (0, 0))

    @property
    def operation(self) -> MacOperation:
        return MacOperation.DEPTHWISE_CONV2D

    @property
    def kernel(self) -> tuple[int, int]:
        """Kernel rows and columns."""
        return int(self.weights.shape[1]), int(self.weights.shape[2])

    def geometry(self) -> dict[str, Any]:
        return {"stride": self.stride, "dilation": self.dilation, "padding": self.padding}

    def input_channels(self, channels: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.repeat(channels, self.output_channels // len(channels))[:, np.newaxis]

    def output_shapes(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        rows, columns, channels = image_shape(only(inputs))
        fits = self.weights.ndim == 4 and self.weights.shape[3] == 1
        if not fits or self.output_channels % channels:
            raise InputError(
                "weights do not fit the input",
                key="weights",
                found=self.weights.shape,
                allowed=f"(a multiple of {channels}, rows, columns, 1)",
            )
        self.check_bias()
        size = window_output((rows, columns), self.kernel, self.stride, self.dilation, self.padding)
        return ((*size, self.output_channels),)

    def forward(self, inputs: Sequence[FloatTensor]) -> tuple[FloatTensor, ...]:
        (x,) = inputs
        patches = windows(x, self.kernel, self.stride, self.dilation, self.padding)
        multiplier = self.output_channels // x.shape[-1]
        weights = self.weights.astype(x.dtype)
        sums = np.zeros((*patches.shape[:3], self.output_channels), x.dtype)
        for ky in range(self.kernel[0]):
            for kx in range(self.kernel[1]):
                tap = patches[..., ky, kx, :]
                read = tap if multiplier == 1 else np.repeat(tap, multiplier, axis=-1)
                sums += read * weights[:, ky, kx, 0]
        return (self.finish(sums),)
