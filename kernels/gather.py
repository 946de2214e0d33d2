"""Gather the input codes under a window: one output pixel a row."""

from __future__ import annotations

from npusim.kernels.jit import Array, kernel
from npusim.kernels.ops import Words


@kernel(signatures=5)
def gather(
    x: Array,
    first_channel: int,
    channels: int,
    geometry: Words,
    first_pixel: int,
    count: int,
    pad_code: int,
    code_offset: int,
    patches: Array,
) -> None:
    """Fill the first `count` rows of `patches` for the output pixels from `first_pixel` on.

    Parameters
    ----------
    x : int8, uint8 or int16[H, W, C]
    first_channel, channels
        The channels to take.
    geometry : int64[PARAMETERS]
    patches : int16 or uint8[rows, depth]
        Bytes for 8-bit codes only.
        Columns are (ky, kx, channel) in this order; those beyond are left alone.
    """
    height, width, all_channels = x.shape
    flat = x.reshape(height, width * all_channels)
    out_columns, kernel_columns = geometry[9], geometry[1]
    adjacent = geometry[5] == 1 and channels == all_channels
    for r in range(count):
        top = (first_pixel + r) // out_columns * geometry[2] - geometry[6]
        left = (first_pixel + r) % out_columns * geometry[3] - geometry[7]
        # Taps that lie side by side in memory are copied together.
        taps = kernel_columns if adjacent and left >= 0 and left + kernel_columns <= width else 1
        run = taps * channels
        k = 0
        for ky in range(geometry[0]):
            row = top + ky * geometry[4]
            for kx in range(0, kernel_columns, taps):
                column = left + kx * geometry[5]
                taken = patches[r, k : k + run]
                if 0 <= row < height and 0 <= column < width:
                    at = column * all_channels + first_channel
                    codes = flat[row, at : at + run]
                    for c in range(run):
                        taken[c] = codes[c] + code_offset
                else:
                    for c in range(run):
                        taken[c] = pad_code + code_offset
                k += run
