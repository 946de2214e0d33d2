"""mean: the average over axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from npusim.layers.reduction import ReducingLayer
from npusim.moments import Moments


class Mean(ReducingLayer):
    """Average over axes, such as (-3, -2): all pixels of an image."""

    kind: ClassVar[str] = "mean"
    divides: ClassVar[bool] = True

    layer: Literal["mean"] = "mean"

    def moments(self, inputs: Sequence[Moments]) -> Moments | None:
        """Unchanged where axes are known not to be the channels: pixels are anything but independent."""
        return inputs[0] if all(axis < -1 for axis in self.axes) else None
