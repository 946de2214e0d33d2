"""batch_norm: normalise each channel by running statistics. Float only: it is folded before lowering."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from npusim.arity import only
from npusim.errors import InputError
from npusim.files.arrays import FloatVector
from npusim.layers.base import FloatTensor, Layer
from npusim.layers.lowering import Lowering
from npusim.model import Shape
from npusim.moments import Moments
from npusim.steps.base import Step


class BatchNorm(Layer):
    """``gamma * (x - mean) / sqrt(variance + epsilon) + beta``, channel by channel.

    Attributes
    ----------
    gamma, beta, mean, variance
        One per channel.
    """

    kind: ClassVar[str] = "batch_norm"

    layer: Literal["batch_norm"] = "batch_norm"
    gamma: FloatVector
    beta: FloatVector
    mean: FloatVector
    variance: FloatVector
    epsilon: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 1e-5

    def gain(self) -> npt.NDArray[np.float64]:
        """What each channel is multiplied by: ``gamma / sqrt(variance + epsilon)``."""
        made: npt.NDArray[np.float64] = self.gamma / np.sqrt(self.variance.astype(np.float64) + self.epsilon)
        return made

    def output_shapes(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        shape = only(inputs)
        for key in ("gamma", "beta", "mean", "variance"):
            found = getattr(self, key).shape
            if found != shape[-1:]:
                raise InputError(
                    "one value per channel is wanted", key=key, found=found, allowed=f"{shape[-1:]}"
                )
        least = float(self.variance.min())
        if least < 0 or least + self.epsilon == 0:
            raise InputError(
                "a variance plus epsilon must be positive", key="variance", found=least, allowed="0 or more"
            )
        return (shape,)

    def forward(self, inputs: Sequence[FloatTensor]) -> tuple[FloatTensor, ...]:
        (x,) = inputs
        gain = self.gain()
        offset = self.beta - self.mean * gain
        made = x * gain.astype(x.dtype)
        made += offset.astype(x.dtype)
        return (made,)

    def moments(self, inputs: Sequence[Moments]) -> Moments:
        return Moments.normal(self.beta, np.abs(self.gamma))

    def lower(self, lowering: Lowering) -> list[Step]:
        raise InputError(
            "a batch_norm has no integer form: it must be folded first",
            key="layer",
            allowed="a recipe with the pass fold_batch_norm before lower",
        )
