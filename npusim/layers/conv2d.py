"""conv2d: a two-dimensional convolution (cross-correlation), with groups, strides and dilation."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from npusim.arity import only
from npusim.errors import InputError
from npusim.geometry import image_shape, window_output
from npusim.layers.base import FloatTensor
from npusim.layers.mac_layer import MacLayer
from npusim.layers.windows import pieces, windows
from npusim.model import Pads, Pair, Shape, Size
from npusim.steps.mac import MacOperation


class Conv2d(MacLayer):
    """Convolve an image.

    Attributes
    ----------
    weights
        (outputs, kernel rows, kernel columns, inputs per group).
    padding
        Zeros around the image: ((above, below), (left, right)).
    """

    kind: ClassVar[str] = "conv2d"

    layer: Literal["conv2d"] = "conv2d"
    stride: Pair = (1, 1)
    dilation: Pair = (1, 1)
    padding: Pads = ((0, 0), (0, 0))
    groups: Size = 1

    @property
    def operation(self) -> MacOperation:
        return MacOperation.CONV2D

    @property
    def kernel(self) -> tuple[int, int]:
        """Kernel rows and columns."""
        return int(self.weights.shape[1]), int(self.weights.shape[2])

    def geometry(self) -> dict[str, Any]:
        return {
            "stride": self.stride,
            "dilation": self.dilation,
            "padding": self.padding,
            "groups": self.groups,
        }

    def input_channels(self, channels: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        per_group = channels.reshape(self.groups, -1)
        return np.repeat(per_group, self.output_channels // self.groups, axis=0)

    def output_shapes(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        rows, columns, channels = image_shape(only(inputs))
        fits = (
            self.weights.ndim == 4
            and channels % self.groups == 0
            and self.output_channels % self.groups == 0
            and self.weights.shape[3] * self.groups == channels
        )
        if not fits:
            raise InputError(
                "weights do not fit the input",
                key="weights",
                found=self.weights.shape,
                allowed=f"(outputs, rows, columns, inputs per group) for {channels} channels in "
                f"{self.groups} groups",
            )
        self.check_bias()
        size = window_output((rows, columns), self.kernel, self.stride, self.dilation, self.padding)
        return ((*size, self.output_channels),)

    def forward(self, inputs: Sequence[FloatTensor]) -> tuple[FloatTensor, ...]:
        (x,) = inputs
        made = np.empty((len(x), *self.output_shapes([x.shape[1:]])[0]), x.dtype)
        weights = self.weights.astype(x.dtype).reshape(self.groups, self.output_channels // self.groups, -1)
        for images in pieces(len(x), prod(made.shape[1:3]) * weights.shape[2] * x.itemsize):
            self._convolve(x[images], weights, made[images])
            self.finish(made[images])
        return (made,)

    def _convolve(self, x: FloatTensor, weights: FloatTensor, sums: FloatTensor) -> None:
        """Windows side by side as a matrix, some rows at once; weights are (groups, outputs, taps)."""
        patches = windows(x, self.kernel, self.stride, self.dilation, self.padding)
        _, outputs, taps = weights.shape
        per_group = self.weights.shape[3]
        for rows in pieces(sums.shape[1], len(x) * sums.shape[2] * taps * x.itemsize):
            pixels, made = patches[:, rows], sums[:, rows]
            for g, kernel in enumerate(weights):
                matrix = pixels[..., g * per_group : (g + 1) * per_group].reshape(-1, taps)
                products = (matrix @ kernel.T).reshape(*made.shape[:3], outputs)
                made[..., g * outputs : (g + 1) * outputs] = products
