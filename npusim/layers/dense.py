"""dense: every output reads every input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt

from npusim.arity import only
from npusim.errors import InputError
from npusim.layers.base import FloatTensor
from npusim.layers.mac_layer import MacLayer
from npusim.model import Shape
from npusim.steps.mac import MacOperation


class Dense(MacLayer):
    """A matrix times the last axis: a vector of features, or each row of several.

    Attributes
    ----------
    weights
        (outputs, inputs).
    """

    kind: ClassVar[str] = "dense"

    layer: Literal["dense"] = "dense"

    @property
    def operation(self) -> MacOperation:
        return MacOperation.DENSE

    def input_channels(self, channels: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        # Features that were an image come pixel by pixel: its channels, over and over.
        features = np.tile(channels, self.weights.shape[1] // len(channels))
        return np.broadcast_to(features, (self.output_channels, len(features)))

    def output_shapes(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        shape = only(inputs)
        if self.weights.ndim != 2 or self.weights.shape[1] != shape[-1]:
            raise InputError(
                "weights do not fit the input",
                key="weights",
                found=self.weights.shape,
                allowed=f"(outputs, {shape[-1]})",
            )
        self.check_bias()
        return ((*shape[:-1], self.output_channels),)

    def forward(self, inputs: Sequence[FloatTensor]) -> tuple[FloatTensor, ...]:
        (x,) = inputs
        return (self.finish(x @ self.weights.astype(x.dtype).T),)
