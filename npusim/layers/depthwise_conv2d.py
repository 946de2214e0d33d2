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
from npusim.layers.windows import padded, pieces
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
        made = np.empty((len(x), *self.output_shapes([x.shape[1:]])[0]), x.dtype)
        taps = self.weights[..., 0].astype(x.dtype).transpose(1, 2, 0)
        lines = np.tile(taps, made.shape[2])  # kernel rows, kernel columns, as a line of the output
        for images in pieces(len(x), made[0].nbytes):
            self._convolve(x[images], lines, made[images])
            self.finish(made[images])
        return (made,)

    def _convolve(self, x: FloatTensor, lines: FloatTensor, sums: FloatTensor) -> None:
        """Columns and channels lie in one line, so that each tap is a long sum of products."""
        multiplier = self.output_channels // x.shape[-1]
        x = padded(x if multiplier == 1 else np.repeat(x, multiplier, axis=-1), self.padding)
        flat = sums.reshape(*sums.shape[:2], -1)
        for rows in pieces(sums.shape[1], len(x) * flat.shape[2] * x.itemsize):
            self._add_taps(x[:, rows.start * self.stride[0] :], lines, flat[:, rows])

    def _add_taps(self, x: FloatTensor, lines: FloatTensor, sums: FloatTensor) -> None:
        """Write lines of which the first one reads from the first row on."""
        (down, right), length, channels = self.stride, sums.shape[2], x.shape[3]
        height = down * (sums.shape[1] - 1) + 1
        x = x[:, : height + (self.kernel[0] - 1) * self.dilation[0]]
        product = np.empty_like(sums)
        sums[:] = 0
        for kx in range(self.kernel[1]):
            left = kx * self.dilation[1]
            if right == 1:
                read = x.reshape(*x.shape[:2], -1)[:, :, left * channels : left * channels + length]
            else:
                read = x[:, :, left::right][:, :, : length // channels].reshape(*x.shape[:2], length)
            for ky in range(self.kernel[0]):
                above = ky * self.dilation[0]
                np.multiply(read[:, above : above + height : down], lines[ky, kx], out=product)
                sums += product
