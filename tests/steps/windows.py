"""Pooling windows, slowly: what lies inside the image."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt


def inside(
    x: npt.NDArray[Any],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[tuple[int, int], tuple[int, int]],
) -> Iterator[npt.NDArray[Any]]:
    """For each window, row by row, its pixels inside the image: (pixels, channels)."""
    rows, columns, _ = x.shape
    (above, below), (left, right) = padding
    for top in range(-above, rows + below - kernel[0] + 1, stride[0]):
        for start in range(-left, columns + right - kernel[1] + 1, stride[1]):
            yield np.array(
                [
                    x[r, c]
                    for r in range(top, top + kernel[0])
                    for c in range(start, start + kernel[1])
                    if 0 <= r < rows and 0 <= c < columns
                ]
            )
