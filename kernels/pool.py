"""W6: pooling windows."""

from __future__ import annotations

import numpy as np

from npusim.kernels.geometry import Geometry
from npusim.kernels.jit import Array, kernel, readonly
from npusim.kernels.ops import Words


def average_sums(x: Array, geometry: Geometry, x_zero: int) -> tuple[Words, Words]:
    """What an average pool's result pipeline starts from: ``sum(x - x_zero)`` inside the input.

    Parameters
    ----------
    x : int8, uint8 or int16[H, W, C]
    geometry
        The window.

    Returns
    -------
    sums : int64[pixels, C]
    counts : int64[pixels]
        Elements of each window that lie inside the input.
    """
    counts = window_counts(x.shape[0], x.shape[1], geometry)
    sums = (-x_zero * counts)[:, np.newaxis].repeat(x.shape[2], axis=1)
    add_windows(readonly(x, x.dtype), geometry.parameters, sums)
    return sums, counts


def max_pool(x: Array, geometry: Geometry) -> Array:
    """The greatest code inside the input for every window; padding never wins.

    Returns
    -------
    x.dtype[pixels, C]

    Raises
    ------
    ValueError
        If a window lies in the padding altogether.
    """
    if geometry.pixels and window_counts(x.shape[0], x.shape[1], geometry).min() == 0:
        raise ValueError("a window lies outside the input altogether: it has no maximum")
    out = np.full((geometry.pixels, x.shape[2]), np.iinfo(x.dtype).min, x.dtype)
    _maximum(readonly(x, x.dtype), geometry.parameters, out)
    return out


def window_counts(height: int, width: int, geometry: Geometry) -> Words:
    """int64[pixels]: how many elements of each window lie inside the input."""
    rows, columns = _inside(height, geometry, 0), _inside(width, geometry, 1)
    return (rows[:, np.newaxis] * columns).reshape(-1)


def _inside(length: int, geometry: Geometry, axis: int) -> Words:
    first = np.arange(geometry.out[axis]) * geometry.stride[axis] - geometry.pad_before[axis]
    taps = first[:, np.newaxis] + np.arange(geometry.kernel[axis]) * geometry.dilation[axis]
    counts: Words = ((taps >= 0) & (taps < length)).sum(axis=1, dtype=np.int64)
    return counts


@kernel(signatures=3)
def add_windows(x: Array, geometry: Words, out: Words) -> None:
    """Add every window's codes to `out` : int64[pixels, C]."""
    height, width, channels = x.shape
    for pixel in range(out.shape[0]):
        top = pixel // geometry[9] * geometry[2] - geometry[6]
        left = pixel % geometry[9] * geometry[3] - geometry[7]
        for ky in range(geometry[0]):
            for kx in range(geometry[1]):
                row, column = top + ky * geometry[4], left + kx * geometry[5]
                if 0 <= row < height and 0 <= column < width:
                    codes, sums = x[row, column], out[pixel]
                    for c in range(channels):
                        sums[c] += codes[c]


@kernel(signatures=3)
def _maximum(x: Array, geometry: Words, out: Array) -> None:
    """Raise `out` : x.dtype[pixels, C] to every window's greatest code."""
    height, width, channels = x.shape
    for pixel in range(out.shape[0]):
        top = pixel // geometry[9] * geometry[2] - geometry[6]
        left = pixel % geometry[9] * geometry[3] - geometry[7]
        for ky in range(geometry[0]):
            for kx in range(geometry[1]):
                row, column = top + ky * geometry[4], left + kx * geometry[5]
                if 0 <= row < height and 0 <= column < width:
                    codes, greatest = x[row, column], out[pixel]
                    for c in range(channels):
                        greatest[c] = max(greatest[c], codes[c])
