"""sum: values added over axes."""

from __future__ import annotations

from typing import ClassVar, Literal

from npusim.layers.reduction import ReducingLayer


class Sum(ReducingLayer):
    """Add up axes, such as (-3, -2): all pixels of an image."""

    kind: ClassVar[str] = "sum"
    divides: ClassVar[bool] = False

    layer: Literal["sum"] = "sum"
