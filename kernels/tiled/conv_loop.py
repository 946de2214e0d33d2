"""The compiled loop over output pixels of `tiled.conv`."""

from __future__ import annotations

import numpy as np

from npusim.kernels.direct.protocol import Bytes
from npusim.kernels.emit.count import MARK_BYTES
from npusim.kernels.emit.multiply import (
    MOST_ROWS,
    SHAPES,
    Operands,
    multiply_bytes_1,
    multiply_bytes_2,
    multiply_bytes_4,
    multiply_shorts_1,
    multiply_shorts_2,
    multiply_shorts_4,
)
from npusim.kernels.emit.registers import COUNT, VECTOR
from npusim.kernels.emit.rescale import CONSTANT_BYTES, Form
from npusim.kernels.emit.tile_codes import (
    codes_high,
    codes_high_signed,
    codes_real,
    codes_wide_last,
    codes_wide_signed,
)
from npusim.kernels.emit.tile_once import FORMS, OPERANDS, tile_once
from npusim.kernels.jit import kernel, part
from npusim.kernels.ops import Words
from npusim.kernels.tiled.counted import finish_counted
from npusim.kernels.tiled.image import pad_bytes, pad_shorts
from npusim.kernels.tiled.patches import patches
from npusim.kernels.tiled.tally import ALWAYS, close, locate, no_counters, still_wanted
from npusim.kernels.tiled.weights import GROUP

PANEL = 48
"""Output pixels that go together: whole tiles of six rows and of eight."""

_SUMS = 24 * PANEL
HEAD = _SUMS + VECTOR + 4 * (PANEL + MOST_ROWS) * VECTOR
"""Bytes of scratch before the image: offsets of a panel's patches, where its codes begin and how many
they are, sums of the panel, and of a tile more."""

_HIGH, _HIGH_SIGNED, _WIDE_SIGNED = int(Form.HIGH), int(Form.HIGH_SIGNED), int(Form.WIDE_SIGNED)
_REAL = int(Form.REAL)
_ONCE_SHORTS = int(OPERANDS is Operands.SHORTS)
_ONCE_FORMS = tuple(map(int, FORMS))
_ROWS = tuple(SHAPES.get(vectors, 0) for vectors in range(5))

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
def _multiply(
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
    if shorts == 1:
        if vectors == 4:
            multiply_shorts_4(x, at, matrix, segments, count, steps, flip, own, CONSTANT_BYTES, sums)
        elif vectors == 2:
            multiply_shorts_2(x, at, matrix, segments, count, steps, flip, own, CONSTANT_BYTES, sums)
        else:
            multiply_shorts_1(x, at, matrix, segments, count, steps, flip, own, CONSTANT_BYTES, sums)
    elif vectors == 4:
        multiply_bytes_4(x, at, matrix, segments, count, steps, flip, own, CONSTANT_BYTES, sums)
    elif vectors == 2:
        multiply_bytes_2(x, at, matrix, segments, count, steps, flip, own, CONSTANT_BYTES, sums)
    else:
        multiply_bytes_1(x, at, matrix, segments, count, steps, flip, own, CONSTANT_BYTES, sums)


@part
def _finish(
    form: int, sums: int, rows: int, vectors: int, own: int, ends: int, place: int, pixel: int, left: int
) -> None:
    if form == _HIGH:
        codes_high(sums, rows, vectors, own, ends, place, pixel, left)
    elif form == _HIGH_SIGNED:
        codes_high_signed(sums, rows, vectors, own, ends, place, pixel, left)
    elif form == _REAL:
        codes_real(sums, rows, vectors, own, ends, place, pixel, left)
    elif form == _WIDE_SIGNED:
        codes_wide_signed(sums, rows, vectors, own, ends, place, pixel, left)
    else:
        codes_wide_last(sums, rows, vectors, own, ends, place, pixel, left)


@part
def _copy(x: Bytes, begin: int, end: int, settings: Words, scratch: Bytes) -> int:
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
    told: Words,
    lanes: Words,
    places: Words,
    wanted: int,
    twice: int,
    record: Words,
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
    told, lanes, places, wanted, twice
        Of `Told`.
    record : int64[records.LENGTH]
        Events are added to it; an empty one: nothing is counted.
    """
    panel_words, at = scratch[:_SUMS].view(np.int64), scratch.ctypes.data
    offsets, starts, lengths = panel_words[:PANEL], panel_words[PANEL : 2 * PANEL], panel_words[2 * PANEL :]
    made = scratch[_SUMS + -at % VECTOR : HEAD - VECTOR + -at % VECTOR].view(np.int32)
    sums = made.ctypes.data
    segments, parts, steps = settings.ctypes.data + 8 * SETTINGS, settings[SEGMENTS], settings[STEPS]
    ends, flips, flip = settings.ctypes.data + 8 * ENDS, settings.ctypes.data + 8 * FLIPS, settings[FLIP]
    shorts, pixel = settings[SHORTS], settings[PIXEL]
    target = out.ctypes.data + settings[COLUMN]
    band, form = settings[BAND], settings[FORM]
    once = shorts == _ONCE_SHORTS and form in _ONCE_FORMS
    counting, counters = record.shape[0] > 0, no_counters()
    starts_at, told_at, lanes_at = starts.ctypes.data, told.ctypes.data, lanes.ctypes.data
    counters_at, out_at = counters.ctypes.data, out.ctypes.data
    lengths[:] = settings[COLUMNS]
    for begin in range(first, last, band):
        end = min(begin + band, last)
        source, origin = x.ctypes.data + 0, 0  # of int64, like the sum below: else it would be a float
        if settings[MADE] == 1:
            origin = _copy(x, begin, end, settings, scratch)
            source = scratch.ctypes.data + HEAD
        for panel in range(begin, end, PANEL):
            count = min(PANEL, end - panel)
            patches(offsets, panel, count, settings[OUT_COLUMNS], settings[DOWN], settings[ACROSS], origin)
            for i in range(count if counting else 0):
                starts[i] = (panel + i) * pixel + settings[COLUMN]
            for b in range(blocks.shape[0]):
                vectors, lane = blocks[b, 0], blocks[b, 1]
                own = constants.ctypes.data + b * GROUP * CONSTANT_BYTES
                matrix = weights.ctypes.data + blocks[b, 2]
                left, place = settings[COLUMNS] - COUNT * lane, target + COUNT * lane + panel * pixel
                step = _ROWS[vectors]
                for r in range(0, count, step):
                    tile = sums + (r * vectors * VECTOR if counting else 0)
                    rows, to = min(step, count - r), place + r * pixel
                    if once and not counting:
                        tile_once(
                            form,
                            vectors,
                            source,
                            at + 8 * r,
                            matrix,
                            segments,
                            parts,
                            steps,
                            flips,
                            own,
                            ends,
                            rows,
                            to,
                            pixel,
                            left,
                        )
                    else:
                        _multiply(
                            shorts,
                            vectors,
                            source,
                            at + 8 * r,
                            matrix,
                            segments,
                            parts,
                            steps,
                            flip,
                            own,
                            tile,
                        )
                        if not counting:
                            _finish(form, tile, rows, vectors, own, ends, to, pixel, left)
                if counting:
                    may = finish_counted(
                        form,
                        sums,
                        count,
                        vectors,
                        own,
                        out_at + COUNT * lane,
                        starts_at,
                        left,
                        told_at + b * GROUP * MARK_BYTES,
                        lanes_at + 16 * b,
                        counters_at,
                        twice,
                    )
                    may = still_wanted((may | ALWAYS) & wanted, record, starts[0])
                    if may != 0:
                        group = b * GROUP
                        locate(made, starts, lengths, count, may, told, places, group, group, vectors, record)
            if counting:
                wanted = still_wanted(wanted, record, (panel + count) * pixel)
    if counting:
        close(counters, (last - first) * settings[COLUMNS], twice, record)
