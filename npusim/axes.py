"""Axes of tensors without their batch."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from npusim.errors import InputError
from npusim.model import Shape

Axis = Annotated[int, Field(ge=-8, le=7)]
"""Without the batch: of an image 0, 1 or 2; negative axes count from the end, -1 are channels."""

Axes = Annotated[tuple[Axis, ...], Field(min_length=1, max_length=8)]


def place(axis: int, shape: Shape, key: str = "axis") -> int:
    """An axis counted from the start.

    Raises
    ------
    InputError
        If the shape has no such axis.
    """
    if not -len(shape) <= axis < len(shape):
        allowed = f"{-len(shape)}..{len(shape) - 1} for the shape {shape}"
        raise InputError("no such axis", key=key, found=axis, allowed=allowed)
    return axis % len(shape)


def places(axes: tuple[int, ...], shape: Shape) -> tuple[int, ...]:
    """Several axes counted from the start, ascending.

    Raises
    ------
    InputError
        If the shape lacks one, or one is named twice.
    """
    found = sorted(place(axis, shape, "axes") for axis in axes)
    if len(set(found)) < len(found):
        raise InputError("an axis is named twice", key="axes", found=axes)
    return tuple(found)


def without(axis: int, shape: Shape) -> Shape:
    """The shape that is left when an axis is reduced; (1,) if nothing is.

    Examples
    --------
    >>> without(-1, (4, 5, 3)), without(0, (3,))
    ((4, 5), (1,))
    """
    at = place(axis, shape)
    return (*shape[:at], *shape[at + 1 :]) or (1,)
