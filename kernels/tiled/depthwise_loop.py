"""The compiled loop over output rows of `tiled.depthwise`."""

from __future__ import annotations

import numpy as np

from npusim.kernels.direct.protocol import Bytes
from npusim.kernels.emit.channels import STRETCH, TOGETHER, VECTORS, channels
from npusim.kernels.emit.rescale import CONSTANT_BYTES
from npusim.kernels.jit import kernel, part
from npusim.kernels.ops import Words
from npusim.kernels.tiled.image import pad_bytes, pad_shorts

(SHORTS, CHANNELS, IMAGE_ROW, ABOVE, BEFORE, ROW_STRIDE, COLUMN_STRIDE, EXTENT, MADE_ROW, STRETCHES, LENGTH,
 BAND, PAD, FLIP, BITS, FORM, PHASES, GROUPS, TWINS, ENDS) = range(20)  # fmt: skip
"""The entries of a depthwise convolution's settings.

Whether codes are read as int16; channels; codes of an image row; rows of padding above, codes before;
strides; window rows; codes of a copied row; stretches of an output row and their codes; output rows for
which rows are copied at once; padding's code, flip, bits of a code; the rescale's form;
stretches until channels and vectors meet again; groups of taps, whose offsets follow; bytes to the weights
that have the upper row twice, or 0; the four `Ends` of the rescale.
"""

SETTINGS = ENDS + 4


@part
def copy_rows(x: Bytes, first: int, rows: int, settings: Words, scratch: Bytes) -> None:
    """Bring input rows from `first` on, with their padding, to the scratch memory."""
    length, row, before = settings[MADE_ROW], settings[IMAGE_ROW], settings[BEFORE]
    pad, flip = settings[PAD], settings[FLIP]
    if settings[SHORTS] == 1:
        image = scratch[: 2 * rows * length].view(np.int16).reshape(rows, length)
        pad_shorts(x, row, first, before, pad, flip, settings[BITS], image)
    else:
        pad_bytes(x, row, first, before, pad & 255, flip, scratch[: rows * length].reshape(rows, length))


@part
def _next(stretch: int, chunk: int, chunks: int) -> tuple[int, int]:
    """The chunk behind one, in its stretch or the next."""
    return (stretch, chunk + 1) if chunk + 1 < chunks else (stretch + 1, 0)


@part
def next_piece(
    stretch: int, chunk: int, chunks: int, phase: int, phases: int, alone: int
) -> tuple[int, int, int, int, int, int]:
    """Which two stretches a piece of work computes, each from which code on, and what comes next.

    The two share weights and constants; a last one alone is done twice. What comes next is told by counting:
    divisions take longer.
    """
    place = (chunk * phases + phase) * STRETCH
    after, later = _next(stretch, chunk, chunks)
    if alone == 1:
        return stretch, place, stretch, place, after, later
    other, second = after, (later * phases + phase) * STRETCH
    after, later = _next(after, later, chunks)
    return stretch, place, other, second, after, later


@kernel(signatures=1)
def convolve_channels(
    x: Bytes,
    weights: Bytes,
    constants: Bytes,
    settings: Words,
    first: int,
    last: int,
    scratch: Bytes,
    out: Bytes,
) -> None:
    """Output rows `first` .. `last` - 1, two at a time, a band after the other.

    Parameters
    ----------
    weights : uint8[...]
        By phase as `emit.channels` says; with an odd number of rows once more, the upper row's in the place
        of the lower one's: for who counts, and has a last row alone done twice.
    constants : uint8[...]
        Of `RescaleConstants`, by phase.
    settings : int64[SETTINGS + taps]
        See above; then the byte offset of each tap of both rows.
    """
    shorts, form, groups = settings[SHORTS], settings[FORM], settings[GROUPS]
    element = 2 if shorts == 1 else 1
    stretches, length, phases, most = settings[STRETCHES], settings[LENGTH], settings[PHASES], settings[BAND]
    row_bytes = settings[MADE_ROW] * element
    step, stride = settings[COLUMN_STRIDE] * settings[CHANNELS] * element, settings[ROW_STRIDE]
    taps, below = settings.ctypes.data + 8 * SETTINGS, stretches * length
    block = groups * 2 * VECTORS * STRETCH
    ends = settings.ctypes.data + 8 * ENDS
    for begin in range(first, last, most):
        band = min(most, last - begin)
        rows = (band - 1) * stride + settings[EXTENT]
        copy_rows(x, begin * stride - settings[ABOVE], rows, settings, scratch)
        source, target = scratch.ctypes.data, out.ctypes.data + begin * below
        for phase in range(phases):
            own = constants.ctypes.data + phase * VECTORS * CONSTANT_BYTES
            matrix = weights.ctypes.data + phase * block
            chunks = (length - phase * STRETCH + phases * STRETCH - 1) // (phases * STRETCH)
            for row in range(0, band, 2):
                both = 1 if row + 1 < band else 0
                upper, y = source + row * stride * row_bytes, target + row * below
                after, chunk = 0, 0
                for n in range(0, stretches * chunks, TOGETHER):
                    alone = 1 if TOGETHER == 1 or n + 1 == stretches * chunks else 0
                    piece = next_piece(after, chunk, chunks, phase, phases, alone)
                    stretch, place, other, second, after, chunk = piece
                    y0, y1 = y + stretch * length + place, y + other * length + second
                    channels(
                        shorts,
                        form,
                        upper + stretch * step + place * element,
                        upper + other * step + second * element,
                        taps,
                        groups,
                        matrix,
                        own,
                        ends,
                        y0,
                        y1,
                        below,
                        length - place,
                        length - second,
                        both,
                    )
