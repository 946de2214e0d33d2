"""Images with their padding made real, in scratch memory: bytes to read as unsigned, or int16."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from npusim.kernels.direct.protocol import Bytes
from npusim.kernels.jit import Array, part

SLACK = 128
"""Bytes that may be read, and are not used, behind the last code of a scratch image."""


@part
def pad_bytes(
    x: Bytes, row: int, top: int, before: int, pad: int, flip: int, out: npt.NDArray[np.uint8]
) -> None:
    """Copy rows ``top ..`` of an image into `out`, padding around them.

    Parameters
    ----------
    x : uint8[H * row]
        Codes as bytes.
    row
        Codes of an image row.
    top
        The image row that stands first; it and those behind may lie outside the image.
    before
        Codes of padding before each row.
    pad, flip
        The byte that stands for padding; what every byte is xored with.
    out : uint8[rows, codes]
    """
    height = x.shape[0] // row
    padding, mask = np.uint8(pad ^ flip), np.uint8(flip)
    kept = min(row, out.shape[1] - before)
    for r in range(out.shape[0]):
        target, y = out[r], top + r
        if 0 <= y < height:
            target[:before] = padding
            source, inside = x[y * row : y * row + kept], target[before : before + kept]
            for i in range(kept):
                inside[i] = source[i] ^ mask
            target[before + kept :] = padding
        else:
            target[:] = padding


@part
def pad_shorts(
    x: Bytes, row: int, top: int, before: int, pad: int, flip: int, bits: int, out: npt.NDArray[np.int16]
) -> None:
    """As `pad_bytes`, to int16; codes of 8 bits (int8 with a flip of 0x80, or uint8), or int16 ones."""
    if bits == 16:
        _pad_wide(x.view(np.int16), row, top, before, pad, out)
        return
    height = x.shape[0] // row
    mask, offset = np.uint8(flip), np.int16(flip)
    padding, kept = np.int16(pad), min(row, out.shape[1] - before)
    for r in range(out.shape[0]):
        target, y = out[r], top + r
        if 0 <= y < height:
            target[:before] = padding
            source, inside = x[y * row : y * row + kept], target[before : before + kept]
            for i in range(kept):
                inside[i] = np.int16(source[i] ^ mask) - offset
            target[before + kept :] = padding
        else:
            target[:] = padding


@part
def _pad_wide(x: Array, row: int, top: int, before: int, pad: int, out: npt.NDArray[np.int16]) -> None:
    height = x.shape[0] // row
    padding, kept = np.int16(pad), min(row, out.shape[1] - before)
    for r in range(out.shape[0]):
        target, y = out[r], top + r
        if 0 <= y < height:
            target[:before] = padding
            target[before : before + kept] = x[y * row : y * row + kept]
            target[before + kept :] = padding
        else:
            target[:] = padding
