"""The compiled loop over output rows of `tiled.depthwise`."""

from __future__ import annotations

import numpy as np

from npusim.kernels.direct.protocol import Bytes
from npusim.kernels.emit.channels import STRETCH, TOGETHER, VECTORS, channels
from npusim.kernels.emit.count import MARK_BYTES
from npusim.kernels.emit.registers import COUNT, VECTOR
from npusim.kernels.emit.rescale import CONSTANT_BYTES
from npusim.kernels.emit.tile_counted import finish_counted
from npusim.kernels.emit.words import word_at
from npusim.kernels.jit import kernel, part
from npusim.kernels.ops import Words
from npusim.kernels.tiled.image import pad_bytes, pad_shorts
from npusim.kernels.tiled.tally import ALWAYS, close, locate, no_counters, still_wanted

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

KEPT = 32
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
def _next(stretch: int, chunk: int, chunks: int) -> tuple[int, int]:
    """The chunk behind one, in its stretch or the next."""
    return (stretch, chunk + 1) if chunk + 1 < chunks else (stretch + 1, 0)


@part
def _note(
    starts: Words,
    lengths: Words,
    kept: int,
    y0: int,
    y1: int,
    below: int,
    left: int,
    right: int,
    both: int,
    twins: int,
) -> None:
    """Where the codes of a piece's stretches begin and how many count: [stretch][row], from `kept` on."""
    starts[kept], starts[kept + 1], lengths[kept], lengths[kept + 1] = y0, y0 + below, left, left * both
    if TOGETHER > 1:
        starts[kept + 2], starts[kept + 3] = y1, y1 + below
        lengths[kept + 2], lengths[kept + 3] = right * twins, right * twins * both


@part
def _finish_counted(
    form: int,
    sums: int,
    starts: int,
    lengths: int,
    full: int,
    own: int,
    out: int,
    marks: int,
    lanes: int,
    counters: int,
    twice: int,
) -> int:
    """Codes of the kept stretches, their events added to counters: neighbours of one length together.

    Everything is an address or a number: arrays' references would be counted.
    """
    first, may = 0, 0
    while first < full:
        last, left = first + 1, min(word_at(lengths + 8 * first), STRETCH)
        while last < full and min(word_at(lengths + 8 * last), STRETCH) == left:
            last += 1
        if left > 0:
            may |= finish_counted(
                form,
                sums + first * VECTORS * VECTOR,
                last - first,
                VECTORS,
                own,
                out,
                starts + 8 * first,
                left,
                marks,
                lanes + 16 * left,
                counters,
                twice,
            )
        first = last
    return may


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
    lanes: Words,
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
    told, lanes, places, wanted, twice
        Of `Told`.
    record : int64[records.LENGTH]
        Events are added to it; an empty one: nothing is counted.
    """
    shorts, form, groups = settings[SHORTS], settings[FORM], settings[GROUPS]
    element = 2 if shorts == 1 else 1
    stretches, length, phases, most = settings[STRETCHES], settings[LENGTH], settings[PHASES], settings[BAND]
    row_bytes = settings[MADE_ROW] * element
    step, stride = settings[COLUMN_STRIDE] * settings[CHANNELS] * element, settings[ROW_STRIDE]
    taps, below = settings.ctypes.data + 8 * SETTINGS, stretches * length
    block = groups * 2 * VECTORS * STRETCH
    counting, base = record.shape[0] > 0, out.ctypes.data
    memory, counters = np.empty((KEPT * VECTORS + 1) * COUNT, np.int32), no_counters()
    sums = memory[-memory.ctypes.data % STRETCH // 4 :][: KEPT * VECTORS * COUNT]
    starts, lengths = np.empty(KEPT, np.int64), np.empty(KEPT, np.int64)
    sums_at, starts_at, lengths_at = sums.ctypes.data, starts.ctypes.data, lengths.ctypes.data
    counters_at = counters.ctypes.data
    told_at, lanes_at, ends = told.ctypes.data, lanes.ctypes.data, settings.ctypes.data + 8 * ENDS
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
                after, chunk = 0, 0
                for n in range(0, stretches * chunks, TOGETHER):
                    # Pieces of work share weights and constants; a last one alone is done twice. Which
                    # stretch and which chunk of it comes next is told by counting: divisions take longer.
                    m, stretch, place = n, after, (chunk * phases + phase) * STRETCH
                    other, second = stretch, place
                    after, chunk = _next(after, chunk, chunks)
                    if TOGETHER > 1 and n + 1 < stretches * chunks:
                        m, other, second = n + 1, after, (chunk * phases + phase) * STRETCH
                        after, chunk = _next(after, chunk, chunks)
                    y0, y1 = y + stretch * length + place, y + other * length + second
                    kept = n // TOGETHER * PIECE % KEPT
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
                        sums_at + kept * VECTORS * VECTOR if counting else 0,
                    )
                    if counting:
                        left, right, twins = length - place, length - second, m - n
                        _note(starts, lengths, kept, y0 - base, y1 - base, below, left, right, both, twins)
                        full = kept + PIECE
                        if full == KEPT or n + TOGETHER >= stretches * chunks:
                            group = phase * VECTORS
                            may = _finish_counted(
                                form,
                                sums_at,
                                starts_at,
                                lengths_at,
                                full,
                                own,
                                base,
                                told_at + group * MARK_BYTES,
                                lanes_at,
                                counters_at,
                                twice,
                            )
                            may = still_wanted((may | ALWAYS) & wanted, record, starts[0])
                            if may != 0:
                                locate(
                                    sums,
                                    starts,
                                    lengths,
                                    0,
                                    full,
                                    may,
                                    told,
                                    places,
                                    group,
                                    0,
                                    VECTORS,
                                    record,
                                )
        if counting:
            wanted = still_wanted(wanted, record, (begin + band) * below)
    if counting:
        close(counters, (last - first) * below, twice, record)
    memory[0] = 0  # the pieces saw its address only: this keeps it alive until here
