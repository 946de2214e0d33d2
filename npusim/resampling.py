"""Where the pixels of a resized image come from, in exact arithmetic."""

from __future__ import annotations

from enum import StrEnum
from fractions import Fraction
from math import ceil, floor

import numpy as np
import numpy.typing as npt


class Coordinates(StrEnum):
    """Where pixel o of `made` lies among `length` old ones."""

    HALF_PIXEL = "half_pixel"
    """``(o + 1/2) * length / made - 1/2``: pixels are areas."""
    ASYMMETRIC = "asymmetric"
    """``o * length / made``: pixels are points, the first ones coincide."""
    ALIGN_CORNERS = "align_corners"
    """``o * (length - 1) / (made - 1)``: the first and the last ones coincide."""


class NearestRounding(StrEnum):
    """Which of two old pixels is the nearest one."""

    HALF_DOWN = "half_down"
    HALF_UP = "half_up"
    FLOOR = "floor"
    CEIL = "ceil"


def real_sources(length: int, made: int, coordinates: Coordinates) -> list[Fraction]:
    """Where the new pixels of one axis lie, in old pixels; some lie outside.

    Examples
    --------
    >>> [str(place) for place in real_sources(2, 4, Coordinates.HALF_PIXEL)]
    ['-1/4', '1/4', '3/4', '5/4']
    """
    if coordinates is Coordinates.ALIGN_CORNERS:
        return [Fraction(o * (length - 1), max(made - 1, 1)) for o in range(made)]
    if coordinates is Coordinates.ASYMMETRIC:
        return [Fraction(o * length, made) for o in range(made)]
    return [Fraction((2 * o + 1) * length, 2 * made) - Fraction(1, 2) for o in range(made)]


def nearest_sources(
    length: int, made: int, coordinates: Coordinates, rounding: NearestRounding
) -> npt.NDArray[np.int64]:
    """The old pixel that each new one copies, along one axis.

    Examples
    --------
    >>> nearest_sources(2, 4, Coordinates.ASYMMETRIC, NearestRounding.FLOOR).tolist()
    [0, 0, 1, 1]
    """
    places = [_rounded(place, rounding) for place in real_sources(length, made, coordinates)]
    return np.clip(np.array(places, np.int64), 0, length - 1)


def _rounded(place: Fraction, rounding: NearestRounding) -> int:
    if rounding is NearestRounding.FLOOR:
        return floor(place)
    if rounding is NearestRounding.CEIL:
        return ceil(place)
    half = Fraction(1, 2)
    return floor(place + half) if rounding is NearestRounding.HALF_UP else ceil(place - half)
