"""Gather the input codes under a window: one output pixel a row."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.kernels.jit import kernel
from npusim.kernels.ops import Words


@kernel(signatures=3)
def gather(
    x: npt.NDArray[Any],
    first_channel: int,
    channels: int,
    geometry: Words,
    first_pixel: int,
    count: int,
    pad_code: int,
    code_offset: int,
    patches: npt.NDArray[Any],
) -> None:
    """Fill the first `count` rows of `patches` for the output pixels from `first_pixel` on.

    Parameters
    ----------
    x : int8, uint8 or int16[H, W, C]
    first_channel, channels
        The channels to take.
    geometry : int64[PARAMETERS]
    patches : int16[rows, depth]
        Columns are (ky, kx, channel) in this order; those beyond are left alone.
    """
    height, width = x.shape[0], x.shape[1]
    out_columns = geometry[9]
    for r in range(count):
        top = (first_pixel + r) // out_columns * geometry[2] - geometry[6]
        left = (first_pixel + r) % out_columns * geometry[3] - geometry[7]
        k = 0
        for ky in range(geometry[0]):
            row = top + ky * geometry[4]
            for kx in range(geometry[1]):
                column = left + kx * geometry[5]
                taken = patches[r, k : k + channels]
                if 0 <= row < height and 0 <= column < width:
                    codes = x[row, column, first_channel : first_channel + channels]
                    for c in range(channels):
                        taken[c] = codes[c] + code_offset
                else:
                    for c in range(channels):
                        taken[c] = pad_code + code_offset
                k += channels
