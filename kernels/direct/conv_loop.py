"""The compiled loop over output pixels of `direct.conv`."""

from __future__ import annotations

import numpy as np

from npusim.kernels.direct.protocol import Bytes
from npusim.kernels.direct.scratch import pad_rows
from npusim.kernels.direct.tally import mark
from npusim.kernels.emit.count import COUNTER_BYTES, MASK_BYTES, count_plain
from npusim.kernels.emit.finish import CONSTANT_BYTES, finish_by_last, finish_by_sign, finish_plain
from npusim.kernels.emit.tile import VECTOR, tile_6x4, tile_8x1, tile_8x2, tile_8x3
from npusim.kernels.fuse import Correction
from npusim.kernels.jit import kernel
from npusim.kernels.ops import Words

PANEL = 24
"""Output pixels that go together: whole tiles of six rows and of eight."""

HEAD = 8 * PANEL + 24 * VECTOR
"""Bytes of scratch before the image: offsets of a panel's patches, sums of the largest tile."""

_BY_SIGN, _BY_LAST = int(Correction.BY_SIGN), int(Correction.BY_LAST)


@kernel(signatures=1)
def convolve(
    x: Bytes,
    weights: Bytes,
    constants: Words,
    blocks: Words,
    segments: Words,
    window: Words,
    settings: Words,
    correction: int,
    low: int,
    high: int,
    column: int,
    columns: int,
    first: int,
    last: int,
    scratch: Bytes,
    out: Bytes,
    masks: Words,
    counters: Words,
    since: Words,
) -> None:
    """Output pixels `first` .. `last` - 1, a panel at a time.

    Parameters
    ----------
    window : int64[11]
        Padded or not; output columns; bytes from patch to patch down and across; bytes of an image
        row and pixel; padding above, left; row stride; window rows; columns of the padded image.
    settings : int64[4]
        Quads a segment, flip, padding's byte, bytes of an output pixel.
    column, columns
        The group's output channels.
    counters, since
        Of a `Tally`; no counters: nothing is counted.
    """
    if last <= first:
        return
    out_columns, down, across = window[1], window[2], window[3]
    offsets = scratch[: 8 * PANEL].view(np.int64)
    sums = scratch.ctypes.data + 8 * PANEL
    quads, flip, pixel = settings[0], settings[1], settings[3]
    source, origin = x.ctypes.data, 0
    if window[0] == 1:
        top = first // out_columns
        rows = ((last - 1) // out_columns - top) * window[8] + window[9]
        length = window[10] * window[5]
        image = scratch[HEAD : HEAD + rows * length].reshape(rows, length)
        pad_rows(x, window[4], window[5], top * window[8] - window[6], window[7], settings[2], 0, image)
        source, origin = scratch.ctypes.data + HEAD, top * down
    starts, target = constants.ctypes.data, out.ctypes.data + column
    for panel in range(first, last, PANEL):
        count = min(PANEL, last - panel)
        for i in range(PANEL):
            p = panel + min(i, count - 1)
            offsets[i] = p // out_columns * down + p % out_columns * across - origin
        for b in range(blocks.shape[0]):
            vectors, begin = blocks[b, 0], blocks[b, 1]
            own, matrix = starts + begin * CONSTANT_BYTES, weights.ctypes.data + blocks[b, 2]
            step = 6 if vectors == 4 else 8
            for r in range(0, count, step):
                at = offsets.ctypes.data + 8 * r
                if vectors == 4:
                    tile_6x4(
                        source,
                        at,
                        matrix,
                        segments.ctypes.data,
                        segments.shape[0],
                        quads,
                        flip,
                        own,
                        CONSTANT_BYTES,
                        sums,
                    )
                elif vectors == 3:
                    tile_8x3(
                        source,
                        at,
                        matrix,
                        segments.ctypes.data,
                        segments.shape[0],
                        quads,
                        flip,
                        own,
                        CONSTANT_BYTES,
                        sums,
                    )
                elif vectors == 2:
                    tile_8x2(
                        source,
                        at,
                        matrix,
                        segments.ctypes.data,
                        segments.shape[0],
                        quads,
                        flip,
                        own,
                        CONSTANT_BYTES,
                        sums,
                    )
                else:
                    tile_8x1(
                        source,
                        at,
                        matrix,
                        segments.ctypes.data,
                        segments.shape[0],
                        quads,
                        flip,
                        own,
                        CONSTANT_BYTES,
                        sums,
                    )
                rows, place, left = min(step, count - r), target + (panel + r) * pixel, columns - 16 * begin
                place += 16 * begin
                if counters.shape[0] > 0:
                    lost = masks.ctypes.data + begin * MASK_BYTES
                    tally = counters.ctypes.data + begin * COUNTER_BYTES
                    count_plain(sums, rows, vectors, own, lost, low, high, tally, place, pixel, left)
                elif correction == _BY_SIGN:
                    finish_by_sign(sums, rows, vectors, own, low, high, place, pixel, left)
                elif correction == _BY_LAST:
                    finish_by_last(sums, rows, vectors, own, low, high, place, pixel, left)
                else:
                    finish_plain(sums, rows, vectors, own, low, high, place, pixel, left)
        if counters.shape[0] > 0:
            mark(counters, since, panel)
