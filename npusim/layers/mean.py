"""mean: the average over axes."""

from __future__ import annotations

from typing import ClassVar, Literal

from npusim.layers.reduction import ReducingLayer


class Mean(ReducingLayer):
    """Average over axes, such as (-3, -2): all pixels of an image."""

    kind: ClassVar[str] = "mean"
    divides: ClassVar[bool] = True
    averages: ClassVar[bool] = True

    layer: Literal["mean"] = "mean"
