"""Images with their padding made real, in scratch memory."""

from __future__ import annotations

import numpy as np

from npusim.kernels.direct.protocol import Bytes
from npusim.kernels.jit import part

SLACK = 64
"""Bytes that may be read, and are not used, behind the last code of a scratch image."""


@part
def pad_rows(
    x: Bytes, row_bytes: int, pixel_bytes: int, top: int, left: int, pad: int, flip: int, out: Bytes
) -> None:
    """Copy rows ``top ..`` of an image into `out`, `left` columns of padding before each.

    Parameters
    ----------
    x : uint8[H * row_bytes]
        Codes as bytes.
    top
        The image row that stands first; it and those behind may lie outside the image.
    pad, flip
        The byte that stands for padding; what every byte is xored with.
    out : uint8[rows, width * pixel_bytes]
    """
    height = x.shape[0] // row_bytes
    padding, mask = np.uint8(pad ^ flip), np.uint8(flip)
    before = left * pixel_bytes
    kept = min(row_bytes, out.shape[1] - before)
    for r in range(out.shape[0]):
        target = out[r]
        row = top + r
        if 0 <= row < height:
            for i in range(before):
                target[i] = padding
            source, inside = x[row * row_bytes : row * row_bytes + kept], target[before : before + kept]
            for i in range(kept):
                inside[i] = source[i] ^ mask
            for i in range(before + kept, out.shape[1]):
                target[i] = padding
        else:
            for i in range(out.shape[1]):
                target[i] = padding
