"""Which pixels a Resize copies: in the float32 arithmetic of ONNX Runtime."""

from __future__ import annotations

from math import ceil, floor

import numpy as np
import numpy.typing as npt

from npusim.importers.onnx.graph import Array
from npusim.resampling import Coordinates, NearestRounding

_HALF = np.float32(0.5)


def copied_places(
    old: int, new: int, scales: Array | None, coordinates: str, rounding: str
) -> npt.NDArray[np.int64]:
    """Of each new row (or column) the old one that is copied.

    Parameters
    ----------
    old, new
        How many there were and are.
    scales
        Those that the model gives instead of sizes, if it does.
    coordinates, rounding
        Values of `Coordinates` and `NearestRounding`.
    """
    given = () if scales is None else scales.reshape(-1).astype(np.float32)
    fitting = [scale for scale in given if floor(float(scale) * old) == new]
    scale = fitting[0] if fitting else np.float32(new) / np.float32(old)
    places = [_nearest(_place(at, old, new, scale, coordinates), rounding) for at in range(new)]
    return np.clip(np.array(places, np.int64), 0, old - 1)


def _place(at: int, old: int, new: int, scale: np.float32, coordinates: str) -> np.float32:
    place = np.float32(at)
    match Coordinates(coordinates):
        case Coordinates.ASYMMETRIC:
            return np.float32(place / scale)
        case Coordinates.ALIGN_CORNERS:
            return np.float32(0) if new == 1 else place * np.float32(old - 1) / np.float32(new - 1)
        case Coordinates.HALF_PIXEL:
            return np.float32((place + _HALF) / scale - _HALF)


def _nearest(place: np.float32, rounding: str) -> int:
    match NearestRounding(rounding):
        case NearestRounding.FLOOR:
            return floor(place)
        case NearestRounding.CEIL:
            return ceil(place)
        case NearestRounding.HALF_DOWN:
            return ceil(float(place) - 0.5)
        case NearestRounding.HALF_UP:
            return floor(float(place) + 0.5)
