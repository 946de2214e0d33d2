"""The compiled loop over output rows of `tiled.depthwise`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from npusim.kernels.direct.protocol import Bytes
from npusim.kernels.emit.channels import STRETCH, TOGETHER, VECTORS
from npusim.kernels.emit.channels_bytes import (
    channels_bytes_halves,
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
from npusim.kernels.emit.count import count_once, count_twice
from npusim.kernels.emit.registers import COUNT
from npusim.kernels.emit.rescale import CONSTANT_BYTES, Form
from npusim.kernels.jit import kernel, part
from npusim.kernels.ops import Words
from npusim.kernels.tiled.image import pad_bytes, pad_shorts
from npusim.kernels.tiled.tally import ALWAYS, close, lanes_of, locate, no_counters, still_wanted

_HIGH, _HIGH_SIGNED, _WIDE_SIGNED, _HALVES = map(
    int, (Form.HIGH, Form.HIGH_SIGNED, Form.WIDE_SIGNED, Form.HALVES)
)

(SHORTS, CHANNELS, IMAGE_ROW, ABOVE, BEFORE, ROW_STRIDE, COLUMN_STRIDE, EXTENT, MADE_ROW, STRETCHES, LENGTH,
 BAND, PAD, FLIP, BITS, FORM, PHASES, GROUPS, ENDS) = range(19)  # fmt: skip
"""The entries of a depthwise convolution's settings.

Whether codes are read as int16; channels; codes of an image row; rows of padding above, codes before;
strides; window rows; codes of a copied row; stretches of an output row and their codes; output rows for
which rows are copied at once; padding's code, flip, bits of a code; the rescale's form;
stretches until channels and vectors meet again; groups of taps, whose offsets follow; the four `Ends` of
the rescale.
"""

SETTINGS = ENDS + 4

PIECE = 2 * TOGETHER
"""Stretches of one piece of work."""

KEPT = 16
"""Stretches whose sums are kept until they are counted together."""


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
    form, groups, ends = settings[FORM], settings[GROUPS], settings.ctypes.data + 8 * ENDS
    if settings[SHORTS] == 1:
        if form == _HIGH:
            channels_shorts_high(
                x0, x1, taps, groups, matrix, own, ends, y0, y1, below, left, right, both, kept
            )
        elif form == _HIGH_SIGNED:
            channels_shorts_high_signed(
                x0, x1, taps, groups, matrix, own, ends, y0, y1, below, left, right, both, kept
            )
        elif form == _WIDE_SIGNED:
            channels_shorts_wide_signed(
                x0, x1, taps, groups, matrix, own, ends, y0, y1, below, left, right, both, kept
            )
        else:
            channels_shorts_wide_last(
                x0, x1, taps, groups, matrix, own, ends, y0, y1, below, left, right, both, kept
            )
    elif form == _HALVES:
        channels_bytes_halves(x0, x1, taps, groups, matrix, own, ends, y0, y1, below, left, right, both, kept)
    elif form == _HIGH:
        channels_bytes_high(x0, x1, taps, groups, matrix, own, ends, y0, y1, below, left, right, both, kept)
    elif form == _HIGH_SIGNED:
        channels_bytes_high_signed(
            x0, x1, taps, groups, matrix, own, ends, y0, y1, below, left, right, both, kept
        )
    elif form == _WIDE_SIGNED:
        channels_bytes_wide_signed(
            x0, x1, taps, groups, matrix, own, ends, y0, y1, below, left, right, both, kept
        )
    else:
        channels_bytes_wide_last(
            x0, x1, taps, groups, matrix, own, ends, y0, y1, below, left, right, both, kept
        )


@part
def _note(
    starts: Words, lengths: Words, y0: int, y1: int, below: int, left: int, right: int, both: int, twins: int
) -> None:
    """Where the codes of a piece's stretches begin and how many count: [stretch][row]."""
    starts[0], starts[1], lengths[0], lengths[1] = y0, y0 + below, left, left * both
    if TOGETHER > 1:
        starts[2], starts[3], lengths[2], lengths[3] = y1, y1 + below, right * twins, right * twins * both


@part
def _count(
    sums: npt.NDArray[np.int32],
    starts: Words,
    lengths: Words,
    told: Words,
    places: Words,
    wanted: int,
    twice: int,
    lanes: Words,
    counters: Words,
    record: Words,
) -> None:
    """Add the kept stretches' events to counters and record; neighbours of one length together."""
    first = 0
    tell, bits, tally = told.ctypes.data, lanes.ctypes.data, counters.ctypes.data
    while first < lengths.shape[0]:
        last, left = first + 1, min(lengths[first], STRETCH)
        while last < lengths.shape[0] and min(lengths[last], STRETCH) == left:
            last += 1
        if left > 0:
            made = sums[first * VECTORS * COUNT : last * VECTORS * COUNT]
            if lanes[VECTORS] != left:
                lanes_of(places, left, lanes)
                lanes[VECTORS] = left
            if twice == 1:
                may = count_twice(made.ctypes.data, last - first, VECTORS, tell, bits, tally)
            else:
                may = count_once(made.ctypes.data, last - first, VECTORS, tell, bits, tally)
            may = (may | ALWAYS) & wanted
            if may != 0:
                locate(made, starts[first:last], may, told, places, left, record)
        first = last


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
    told: Words,
    places: Words,
    wanted: int,
    twice: int,
    record: Words,
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
    told, places, wanted, twice
        Of `Told`.
    record : int64[records.LENGTH]
        Events are added to it; an empty one: nothing is counted.
    """
    element = 2 if settings[SHORTS] == 1 else 1
    stretches, length, phases, most = settings[STRETCHES], settings[LENGTH], settings[PHASES], settings[BAND]
    row_bytes = settings[MADE_ROW] * element
    step, stride = settings[COLUMN_STRIDE] * settings[CHANNELS] * element, settings[ROW_STRIDE]
    taps, below = settings.ctypes.data + 8 * SETTINGS, stretches * length
    block = settings[GROUPS] * 2 * VECTORS * STRETCH
    counting, base = record.shape[0] > 0, out.ctypes.data
    sums, lanes, counters = (
        np.empty(KEPT * VECTORS * COUNT, np.int32),
        np.zeros(VECTORS + 1, np.int64),
        no_counters(),
    )
    starts, lengths = np.empty(KEPT, np.int64), np.empty(KEPT, np.int64)
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
                    y0, y1 = y + stretch * length + place, y + other * length + second
                    kept = n // TOGETHER * PIECE % KEPT
                    _stretches(
                        upper + stretch * step + place * element,
                        upper + other * step + second * element,
                        taps,
                        matrix,
                        own,
                        settings,
                        y0,
                        y1,
                        below,
                        length - place,
                        length - second,
                        both,
                        sums.ctypes.data + kept * VECTORS * STRETCH if counting else 0,
                    )
                    if counting:
                        left, right, twins = length - place, length - second, m - n
                        at, sizes = starts[kept : kept + PIECE], lengths[kept : kept + PIECE]
                        _note(at, sizes, y0 - base, y1 - base, below, left, right, both, twins)
                        full = kept + PIECE
                        if full == KEPT or n + TOGETHER >= stretches * chunks:
                            tell = told[phase * VECTORS : (phase + 1) * VECTORS]
                            _count(
                                sums,
                                starts[:full],
                                lengths[:full],
                                tell,
                                places,
                                wanted,
                                twice,
                                lanes,
                                counters,
                                record,
                            )
        if counting:
            wanted = still_wanted(wanted, record, (begin + band) * below)
    if counting:
        close(counters, (last - first) * below, twice, record)
    sums[0] = lanes[0]  # the pieces saw addresses only: this keeps both alive until here
