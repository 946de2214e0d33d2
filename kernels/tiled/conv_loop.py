"""The compiled loop over output pixels of `tiled.conv`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from npusim.kernels.direct.protocol import Bytes
from npusim.kernels.emit.multiply import MOST_ROWS, SHAPES, Operands, multiply
from npusim.kernels.emit.registers import COUNT, VECTOR
from npusim.kernels.emit.rescale import CONSTANT_BYTES
from npusim.kernels.emit.tile_codes import tile_codes
from npusim.kernels.emit.tile_once import FORMS, OPERANDS, tile_once
from npusim.kernels.jit import kernel, part
from npusim.kernels.ops import Words
from npusim.kernels.tiled.image import pad_bytes, pad_shorts
from npusim.kernels.tiled.patches import patches
from npusim.kernels.tiled.weights import GROUP

PANEL = 48
"""Output pixels that go together: whole tiles of six rows and of eight."""

_SUMS = 24 * PANEL
HEAD = _SUMS + VECTOR + 4 * (PANEL + MOST_ROWS) * VECTOR
"""Bytes of scratch before the image: offsets of a panel's patches, where its codes begin and how many
they are, sums of the panel, and of a tile more."""

ONCE_SHORTS = int(OPERANDS is Operands.SHORTS)
ONCE_FORMS = tuple(map(int, FORMS))
ROWS = tuple(SHAPES.get(vectors, 0) for vectors in range(5))

(MADE, SHORTS, OUT_COLUMNS, DOWN, ACROSS, IMAGE_ROW, ABOVE, BEFORE, ROW_STRIDE, EXTENT, MADE_ROW, BAND,
 STEPS, FLIP, PAD, BITS, PIXEL, FORM, COLUMN, COLUMNS, SEGMENTS, ENDS) = range(22)  # fmt: skip
"""The entries of a convolution's settings.

Whether the image is copied, and to int16; output columns; bytes from patch to patch down and across; codes
of an image row; rows of padding above, codes before; row stride; window rows; codes of a copied row;
output pixels for which rows are copied at once; steps a segment, flip, padding's code, bits of a code;
bytes of an output pixel; the rescale's form; the group's first output channel and their number; segments,
whose offsets follow; the four `Ends` of the rescale; 64 bytes of flips.
"""

FLIPS = ENDS + 4
SETTINGS = FLIPS + 8


@part
def multiply_apart(
    shorts: int,
    vectors: int,
    x: int,
    at: int,
    matrix: int,
    segments: int,
    count: int,
    steps: int,
    flip: int,
    own: int,
    sums: int,
) -> None:
    """By way of memory, apart: so the common tiles have the registers to themselves."""
    multiply(shorts, vectors, x, at, matrix, segments, count, steps, flip, own, CONSTANT_BYTES, sums)


@part
def _finish(
    form: int, sums: int, vectors: int, own: int, ends: int, rows: int, place: int, pixel: int, left: int
) -> None:
    tile_codes(form, sums, rows, vectors, own, ends, place, pixel, left)


@part
def panel_memory(scratch: Bytes) -> tuple[Words, Words, Words, npt.NDArray[np.int32]]:
    """Offsets of a panel's patches, where its codes begin, how many they are; sums, from a cache line on."""
    words, start = scratch[:_SUMS].view(np.int64), _SUMS + -scratch.ctypes.data % VECTOR
    made = scratch[start : start + HEAD - VECTOR - _SUMS].view(np.int32)
    return words[:PANEL], words[PANEL : 2 * PANEL], words[2 * PANEL :], made


@part
def copy_image(x: Bytes, begin: int, end: int, settings: Words, scratch: Bytes) -> int:
    """Bring what output pixels `begin` .. `end` - 1 read to the scratch memory; where patches count from."""
    top = begin // settings[OUT_COLUMNS]
    rows = ((end - 1) // settings[OUT_COLUMNS] - top) * settings[ROW_STRIDE] + settings[EXTENT]
    length, first = settings[MADE_ROW], top * settings[ROW_STRIDE] - settings[ABOVE]
    row, before, pad, flip = settings[IMAGE_ROW], settings[BEFORE], settings[PAD], settings[FLIP]
    if settings[SHORTS] == 1:
        image = scratch[HEAD : HEAD + 2 * rows * length].view(np.int16).reshape(rows, length)
        pad_shorts(x, row, first, before, pad, flip & 128, settings[BITS], image)
    else:
        pad_bytes(
            x, row, first, before, pad & 255, 0, scratch[HEAD : HEAD + rows * length].reshape(rows, length)
        )
    origin: int = top * settings[DOWN]
    return origin


@kernel(signatures=1)
def convolve(
    x: Bytes,
    weights: Bytes,
    constants: Bytes,
    blocks: Words,
    settings: Words,
    first: int,
    last: int,
    scratch: Bytes,
    out: Bytes,
) -> None:
    """Output pixels `first` .. `last` - 1, a panel at a time.

    Parameters
    ----------
    weights, blocks
        Of `Blocks`.
    constants : uint8[...]
        Of `RescaleConstants`.
    settings : int64[SETTINGS + segments]
        See above; then each segment's byte offset from the patch.
    """
    offsets, _, _, made = panel_memory(scratch)
    at, sums = offsets.ctypes.data, made.ctypes.data
    segments, parts, steps = settings.ctypes.data + 8 * SETTINGS, settings[SEGMENTS], settings[STEPS]
    ends, flips, flip = settings.ctypes.data + 8 * ENDS, settings.ctypes.data + 8 * FLIPS, settings[FLIP]
    shorts, pixel = settings[SHORTS], settings[PIXEL]
    target, band, form = out.ctypes.data + settings[COLUMN], settings[BAND], settings[FORM]
    once = shorts == ONCE_SHORTS and form in ONCE_FORMS
    for begin in range(first, last, band):
        end = min(begin + band, last)
        source, origin = x.ctypes.data + 0, 0  # of int64, like the sum below: else it would be a float
        if settings[MADE] == 1:
            origin = copy_image(x, begin, end, settings, scratch)
            source = scratch.ctypes.data + HEAD
        for panel in range(begin, end, PANEL):
            count = min(PANEL, end - panel)
            patches(offsets, panel, count, settings[OUT_COLUMNS], settings[DOWN], settings[ACROSS], origin)
            for b in range(blocks.shape[0]):
                vectors, own = blocks[b, 0], constants.ctypes.data + b * GROUP * CONSTANT_BYTES
                matrix = weights.ctypes.data + blocks[b, 2]
                step, offset = ROWS[vectors], COUNT * blocks[b, 1]
                left, place = settings[COLUMNS] - offset, target + offset + panel * pixel
                for r in range(0, count, step):
                    reads = vectors, source, at + 8 * r, matrix, segments, parts, steps
                    writes = min(step, count - r), place + r * pixel, pixel, left
                    if once:
                        tile_once(form, *reads, flips, own, ends, *writes)
                    else:
                        multiply_apart(shorts, *reads, flip, own, sums)
                        _finish(form, sums, vectors, own, ends, *writes)
