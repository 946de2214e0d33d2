"""conv2d: a two-dimensional convolution (cross-correlation), with groups, strides and dilation."""

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

    @property
    def _pointwise(self) -> bool:
        unpadded = not any(side for axis in self.padding for side in axis)
        return self.kernel == (1, 1) and self.groups == 1 and unpadded

    def forward(self, inputs: Sequence[FloatTensor]) -> tuple[FloatTensor, ...]:
        (x,) = inputs
        if self._pointwise:
            rows, columns = self.stride
            return (self.finish(x[:, ::rows, ::columns] @ self.weights[:, 0, 0].astype(x.dtype).T),)
        patches = windows(x, self.kernel, self.stride, self.dilation, self.padding)
        weights = self.weights.astype(x.dtype)
        per_group, outputs = self.weights.shape[3], self.output_channels // self.groups
        made = [
            np.tensordot(
                patches[..., g * per_group : (g + 1) * per_group],
                weights[g * outputs : (g + 1) * outputs],
                axes=((3, 4, 5), (1, 2, 3)),
            )
            for g in range(self.groups)
        ]
        return (self.finish(made[0] if self.groups == 1 else np.concatenate(made, axis=-1)),)
