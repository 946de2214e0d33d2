"""Axes of tensors without their batch."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from npusim.errors import InputError
from npusim.model import Shape

Axis = Annotated[int, Field(ge=-8, le=7)]
"""Without the batch: of an image 0, 1 or 2; negative axes count from the end, -1 are channels."""


def place(axis: int, shape: Shape) -> int:
    """An axis counted from the start.

    Raises
    ------
    InputError
        If the shape has no such axis.
    """
    if not -len(shape) <= axis < len(shape):
        allowed = f"{-len(shape)}..{len(shape) - 1} for the shape {shape}"
        raise InputError("no such axis", key="axis", found=axis, allowed=allowed)
    return axis % len(shape)
