"""Windows that shall be read, put into as few images as they fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.step_coverage.mac_unit import MacUnit
from npusim.step_coverage.mac_window import Window

_PIXELS = 48
"""Pixels of a class that are tried in each image."""

_OPEN = 4
"""Images that are tried for a window, the latest ones."""


class Images:
    """Images of a step's input that grow window by window.

    What no window asks for holds the code whose products are 0, or the nearest one.
    """

    def __init__(self, unit: MacUnit) -> None:
        self._unit = unit
        self._codes: list[npt.NDArray[Any]] = []
        self._taken: list[npt.NDArray[np.bool_]] = []
        self._pixels: dict[bytes, list[tuple[int, int]]] = {}

    def add(self, window: Window) -> tuple[int, tuple[int, int]]:
        """Put a window somewhere; the image and the pixel that reads it."""
        pixels = self._pixels_of(window)
        for index in range(max(0, len(self._codes) - _OPEN), len(self._codes)):
            for pixel in pixels:
                if self._fits(index, pixel, window):
                    return index, self._put(index, pixel, window)
        codes = self._unit.codes
        nothing = min(max(self._unit.columns.taken_off, codes.low), codes.high)
        self._codes.append(np.full(self._unit.columns.size, nothing, self._unit.x.dtype))
        self._taken.append(np.zeros(self._unit.columns.size, bool))
        return len(self._codes) - 1, self._put(len(self._codes) - 1, pixels[0], window)

    def image(self, index: int) -> npt.NDArray[Any]:
        """One image, (rows, columns, channels)."""
        return self._codes[index]

    def all(self) -> npt.NDArray[Any]:
        """All images, of the step's input shape."""
        shape = self._unit.x.shape
        if not self._codes:
            return np.zeros((0, *shape), self._unit.x.dtype)
        return np.stack(self._codes).reshape(len(self._codes), *shape)

    def _pixels_of(self, window: Window) -> list[tuple[int, int]]:
        """Pixels of the window's class, spread over it."""
        key = window.inside.inside.tobytes()
        if key not in self._pixels:
            found = self._unit.pixels(window.inside)
            self._pixels[key] = found[:: max(1, len(found) // _PIXELS)][:_PIXELS]
        return self._pixels[key]

    def _fits(self, index: int, pixel: tuple[int, int], window: Window) -> bool:
        codes, taken = self._codes[index], self._taken[index]
        for term, code in zip(self._unit.terms(window.channel, pixel), window.codes, strict=True):
            if code is not None and taken[term.place] and codes[term.place] != code:
                return False
        return True

    def _put(self, index: int, pixel: tuple[int, int], window: Window) -> tuple[int, int]:
        for term, code in zip(self._unit.terms(window.channel, pixel), window.codes, strict=True):
            if code is not None:
                self._codes[index][term.place] = code
                self._taken[index][term.place] = True
        return pixel
