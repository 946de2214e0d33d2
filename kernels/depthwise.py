"""Depthwise convolution, vectorised across channels."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.kernels.geometry import Geometry
from npusim.kernels.jit import Array, kernel, readonly
from npusim.kernels.ops import Words
from npusim.kernels.packed import Packed


def depthwise_sums(
    x: Array, packed: Packed, bias: Words, geometry: Geometry, rows: range, word: np.dtype[Any]
) -> Array:
    """The bias plus the products' sum for the output pixels `rows`: word[len(rows), O], modulo the word."""
    first_row, last_row = rows.start // geometry.out[1], (rows.stop - 1) // geometry.out[1]
    padded = _with_padding(x, packed.pad_code, geometry, first_row, last_row + 1)
    out = np.empty((len(rows), packed.outputs), word)
    taps = [
        (ky * geometry.dilation[0] * padded.shape[1] + kx * geometry.dilation[1]) * padded.shape[2]
        for ky in range(geometry.kernel[0])
        for kx in range(geometry.kernel[1])
    ]
    pixels = np.arange(rows.start, rows.stop)
    row, column = pixels // geometry.out[1] - first_row, pixels % geometry.out[1]
    origins = (row * geometry.stride[0] * padded.shape[1] + column * geometry.stride[1]) * padded.shape[2]
    _depthwise(
        readonly(padded, packed.x_dtype).reshape(-1),
        readonly(origins, np.int64),
        readonly(taps, np.int64),
        packed.tap_weights,
        readonly(bias.reshape(packed.groups, packed.group_outputs).T, np.int64),
        out,
    )
    return out


def _with_padding(x: Array, pad_code: int, geometry: Geometry, first_row: int, last_row: int) -> Array:
    """All of the input that the output rows ``first_row .. last_row - 1`` read, padding made real."""
    top = first_row * geometry.stride[0] - geometry.pad_before[0]
    left = -geometry.pad_before[1]
    height = (last_row - first_row - 1) * geometry.stride[0] + _extent(geometry, 0)
    width = (geometry.out[1] - 1) * geometry.stride[1] + _extent(geometry, 1)
    padded = np.full((height, width, x.shape[2]), pad_code, x.dtype)
    inside = x[max(top, 0) : max(top + height, 0), max(left, 0) : max(left + width, 0)]
    y, column = max(-top, 0), max(-left, 0)
    padded[y : y + inside.shape[0], column : column + inside.shape[1]] = inside
    return padded


def _extent(geometry: Geometry, axis: int) -> int:
    """How far a window reaches."""
    return (geometry.kernel[axis] - 1) * geometry.dilation[axis] + 1


@kernel(signatures=6)
def _depthwise(
    x: Array,
    origins: Words,
    taps: Words,
    weights: npt.NDArray[np.int32],
    bias: Words,
    out: Array,
) -> None:
    """Windows of flat padded input, three taps a pass.

    Parameters
    ----------
    x : int8, uint8 or int16[n]
    origins : int64[rows]
        Where each output pixel's window begins.
    taps : int64[taps]
        Where each tap lies from there.
    weights : int32[taps, multiplier, C]
    bias : int64[multiplier, C]
    out : int32 or int64[rows, C * multiplier]
    """
    multiplier, channels = bias.shape
    whole = taps.shape[0] - taps.shape[0] % 3
    sums = np.empty(channels, out.dtype)
    for r in range(origins.shape[0]):
        pixel = out[r]
        for j in range(multiplier):
            for c in range(channels):
                sums[c] = bias[j, c]
            for t in range(0, whole, 3):
                x0, w0 = x[origins[r] + taps[t] :], weights[t, j]
                x1, w1 = x[origins[r] + taps[t + 1] :], weights[t + 1, j]
                x2, w2 = x[origins[r] + taps[t + 2] :], weights[t + 2, j]
                for c in range(channels):
                    products = np.int64(x0[c]) * w0[c] + np.int64(x1[c]) * w1[c] + np.int64(x2[c]) * w2[c]
                    sums[c] += products
            for t in range(whole, taps.shape[0]):
                x0, w0 = x[origins[r] + taps[t] :], weights[t, j]
                for c in range(channels):
                    sums[c] += np.int64(x0[c]) * w0[c]
            for c in range(channels):
                pixel[c * multiplier + j] = sums[c]
