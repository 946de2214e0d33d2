"""The compiled loop over output rows of `tiled.depthwise`."""

from __future__ import annotations

import numpy as np

from npusim.kernels.direct.protocol import Bytes
from npusim.kernels.emit.channels import STRETCH, TOGETHER, VECTORS
from npusim.kernels.emit.channels_bytes import (
    channels_bytes_high,
    channels_bytes_high_signed,
    channels_bytes_wide_last,
    channels_bytes_wide_signed,
)
from npusim.kernels.emit.channels_shorts import (
    channels_shorts_high,
    channels_shorts_high_signed,
    channels_shorts_wide_last,
    channels_shorts_wide_signed,
)
from npusim.kernels.emit.rescale import CONSTANT_BYTES, Form
from npusim.kernels.jit import kernel, part
from npusim.kernels.ops import Words
from npusim.kernels.tiled.image import pad_bytes, pad_shorts

_HIGH, _HIGH_SIGNED, _WIDE_SIGNED = int(Form.HIGH), int(Form.HIGH_SIGNED), int(Form.WIDE_SIGNED)

(SHORTS, CHANNELS, IMAGE_ROW, ABOVE, BEFORE, ROW_STRIDE, COLUMN_STRIDE, EXTENT, MADE_ROW, STRETCHES, LENGTH,
 BAND, PAD, FLIP, BITS, FORM, LOW, HIGH, OUT_FLIP, PHASES, GROUPS) = range(21)  # fmt: skip
"""The entries of a depthwise convolution's settings.

Whether codes are read as int16; channels; codes of an image row; rows of padding above, codes before;
strides; window rows; codes of a copied row; stretches of an output row and their codes; output rows for
which rows are copied at once; padding's code, flip, bits of a code; the rescale's form, bounds, flip;
stretches until channels and vectors meet again; groups of taps, whose offsets follow.
"""

SETTINGS = 21


@part
def _copy(x: Bytes, first: int, rows: int, settings: Words, scratch: Bytes) -> None:
    length, row, before = settings[MADE_ROW], settings[IMAGE_ROW], settings[BEFORE]
    pad, flip = settings[PAD], settings[FLIP]
    if settings[SHORTS] == 1:
        image = scratch[: 2 * rows * length].view(np.int16).reshape(rows, length)
        pad_shorts(x, row, first, before, pad, flip, settings[BITS], image)
    else:
        pad_bytes(x, row, first, before, pad & 255, flip, scratch[: rows * length].reshape(rows, length))


@part
def _stretches(
    x0: int,
    x1: int,
    taps: int,
    matrix: int,
    own: int,
    settings: Words,
    y0: int,
    y1: int,
    below: int,
    left: int,
    right: int,
    both: int,
    kept: int,
) -> None:
    low, high, flip, form = settings[LOW], settings[HIGH], settings[OUT_FLIP], settings[FORM]
    groups = settings[GROUPS]
    if settings[SHORTS] == 1:
        if form == _HIGH:
            channels_shorts_high(
                x0, x1, taps, groups, matrix, own, low, high, flip, y0, y1, below, left, right, both, kept
            )
        elif form == _HIGH_SIGNED:
            channels_shorts_high_signed(
                x0, x1, taps, groups, matrix, own, low, high, flip, y0, y1, below, left, right, both, kept
            )
        elif form == _WIDE_SIGNED:
            channels_shorts_wide_signed(
                x0, x1, taps, groups, matrix, own, low, high, flip, y0, y1, below, left, right, both, kept
            )
        else:
            channels_shorts_wide_last(
                x0, x1, taps, groups, matrix, own, low, high, flip, y0, y1, below, left, right, both, kept
            )
    elif form == _HIGH:
        channels_bytes_high(
            x0, x1, taps, groups, matrix, own, low, high, flip, y0, y1, below, left, right, both, kept
        )
    elif form == _HIGH_SIGNED:
        channels_bytes_high_signed(
            x0, x1, taps, groups, matrix, own, low, high, flip, y0, y1, below, left, right, both, kept
        )
    elif form == _WIDE_SIGNED:
        channels_bytes_wide_signed(
            x0, x1, taps, groups, matrix, own, low, high, flip, y0, y1, below, left, right, both, kept
        )
    else:
        channels_bytes_wide_last(
            x0, x1, taps, groups, matrix, own, low, high, flip, y0, y1, below, left, right, both, kept
        )


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
        By phase as `emit.channels` says.
    constants : uint8[...]
        Of `RescaleConstants`, by phase.
    settings : int64[SETTINGS + taps]
        See above; then the byte offset of each tap of both rows.
    """
    element = 2 if settings[SHORTS] == 1 else 1
    stretches, length, phases, most = settings[STRETCHES], settings[LENGTH], settings[PHASES], settings[BAND]
    row_bytes = settings[MADE_ROW] * element
    step, stride = settings[COLUMN_STRIDE] * settings[CHANNELS] * element, settings[ROW_STRIDE]
    taps, below = settings.ctypes.data + 8 * SETTINGS, stretches * length
    block = settings[GROUPS] * 2 * VECTORS * STRETCH
    for begin in range(first, last, most):
        band = min(most, last - begin)
        rows = (band - 1) * stride + settings[EXTENT]
        _copy(x, begin * stride - settings[ABOVE], rows, settings, scratch)
        source, target = scratch.ctypes.data, out.ctypes.data + begin * below
        for phase in range(phases):
            own = constants.ctypes.data + phase * VECTORS * CONSTANT_BYTES
            matrix = weights.ctypes.data + phase * block
            chunks = (length - phase * STRETCH + phases * STRETCH - 1) // (phases * STRETCH)
            for row in range(0, band, 2):
                both = 1 if row + 1 < band else 0
                upper, y = source + row * stride * row_bytes, target + row * below
                for n in range(0, stretches * chunks, TOGETHER):
                    # Pieces of work share weights and constants; a last one alone is done twice.
                    m = min(n + TOGETHER - 1, stretches * chunks - 1)
                    stretch, other = n // chunks, m // chunks
                    place = ((n - stretch * chunks) * phases + phase) * STRETCH
                    second = ((m - other * chunks) * phases + phase) * STRETCH
                    _stretches(
                        upper + stretch * step + place * element,
                        upper + other * step + second * element,
                        taps,
                        matrix,
                        own,
                        settings,
                        y + stretch * length + place,
                        y + other * length + second,
                        below,
                        length - place,
                        length - second,
                        both,
                        0,
                    )
