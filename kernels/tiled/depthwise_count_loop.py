"""The compiled loop over output rows of `tiled.depthwise`, with events."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from npusim.kernels.direct.protocol import Bytes
from npusim.kernels.emit.channels import STRETCH, TOGETHER, VECTORS
from npusim.kernels.emit.channels_counted import channels_counted, keep_sums
from npusim.kernels.emit.count import LANES_BYTES, MARK_BYTES
from npusim.kernels.emit.count_once import SIGN_BYTES, Way
from npusim.kernels.emit.prefetch import prefetch_tables
from npusim.kernels.emit.registers import COUNT, VECTOR
from npusim.kernels.emit.rescale import CONSTANT_BYTES
from npusim.kernels.emit.tile_counted import finish_counted
from npusim.kernels.emit.words import word_at
from npusim.kernels.jit import kernel, part
from npusim.kernels.ops import Words
from npusim.kernels.tiled.conv_loop import ONCE_SHORTS
from npusim.kernels.tiled.depthwise_loop import (
    ABOVE,
    BAND,
    CHANNELS,
    COLUMN_STRIDE,
    ENDS,
    EXTENT,
    FORM,
    GROUPS,
    LENGTH,
    MADE_ROW,
    PHASES,
    ROW_STRIDE,
    SETTINGS,
    SHORTS,
    STRETCHES,
    TWINS,
    copy_rows,
    next_piece,
)
from npusim.kernels.tiled.tally import ALWAYS, close, locate, no_counters, still_wanted

Sums = npt.NDArray[np.int32]

PIECE = 2 * TOGETHER
"""Stretches of one piece of work."""

_MEMORY = int(Way.MEMORY)

KEPT = 32
"""Stretches whose sums are kept until they are counted together."""


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
    alone: int,
) -> None:
    """Where the codes of a piece's stretches begin and how many count: [stretch][row], from `kept` on."""
    starts[kept], starts[kept + 1], lengths[kept], lengths[kept + 1] = y0, y0 + below, left, left * both
    if TOGETHER > 1:
        right = right * (1 - alone)
        starts[kept + 2], starts[kept + 3] = y1, y1 + below
        lengths[kept + 2], lengths[kept + 3] = right, right * both


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
                lanes + LANES_BYTES * left,
                counters,
                twice,
            )
        first = last
    return may


@part
def _kept_memory() -> tuple[Sums, Sums, Words, Words]:
    """Sums from a cache line on, and what they are part of; where codes begin, and how many they are."""
    memory = np.empty((KEPT * VECTORS + 1) * COUNT, np.int32)
    sums = memory[-memory.ctypes.data % STRETCH // 4 :][: KEPT * VECTORS * COUNT]
    return memory, sums, np.empty(KEPT, np.int64), np.empty(KEPT, np.int64)


@part
def _alike(phase: int, phases: int, chunks: int, length: int) -> bool:
    """Whether all chunks have the lanes that signs say: one of each stretch, or none that ends early."""
    return phases * STRETCH >= length or length - ((chunks - 1) * phases + phase) * STRETCH >= STRETCH


@part
def _phase_addresses(
    phase: int, constants: int, weights: int, marks: int, signs: int, block: int
) -> tuple[int, int, int, int]:
    """Where a phase's constants, weights, marks and signs begin; `block` bytes of weights each."""
    first = phase * VECTORS
    return (
        constants + first * CONSTANT_BYTES,
        weights + phase * block,
        marks + first * MARK_BYTES,
        signs + first * SIGN_BYTES,
    )


@kernel(signatures=1)
def convolve_channels_counting(
    x: Bytes,
    weights: Bytes,
    constants: Bytes,
    settings: Words,
    first: int,
    last: int,
    scratch: Bytes,
    out: Bytes,
    told: Words,
    signs: Words,
    lanes: Words,
    places: Words,
    wanted: int,
    twice: int,
    ways: Words,
    record: Words,
) -> None:
    """As `convolve_channels`, with events added to a record.

    Parameters
    ----------
    told, signs, lanes, places, wanted, twice, ways
        Of `Told`.
    record : int64[records.LENGTH]
    """
    shorts, form, groups, twins = settings[SHORTS], settings[FORM], settings[GROUPS], settings[TWINS]
    element = 2 if shorts == 1 else 1
    stretches, length, phases, most = settings[STRETCHES], settings[LENGTH], settings[PHASES], settings[BAND]
    row_bytes = settings[MADE_ROW] * element
    step, stride = settings[COLUMN_STRIDE] * settings[CHANNELS] * element, settings[ROW_STRIDE]
    taps, below = settings.ctypes.data + 8 * SETTINGS, stretches * length
    (memory, sums, starts, lengths), counters, once = _kept_memory(), no_counters(), shorts == ONCE_SHORTS
    kept_at = sums.ctypes.data, starts.ctypes.data, lengths.ctypes.data
    tally, base, ends = counters.ctypes.data, out.ctypes.data, settings.ctypes.data + 8 * ENDS
    tables = constants.ctypes.data, weights.ctypes.data, told.ctypes.data, signs.ctypes.data
    for begin in range(first, last, most):
        band = min(most, last - begin)
        rows = (band - 1) * stride + settings[EXTENT]
        copy_rows(x, begin * stride - settings[ABOVE], rows, settings, scratch)
        source, target = scratch.ctypes.data, begin * below
        for phase in range(phases):
            own, matrix, marks, sign = _phase_addresses(phase, *tables, groups * 2 * VECTORS * STRETCH)
            chunks = (length - phase * STRETCH + phases * STRETCH - 1) // (phases * STRETCH)
            pieces = stretches * chunks
            alike = ways[phase] != _MEMORY and _alike(phase, phases, chunks, length)
            if begin == first and phase + 1 < phases:
                prefetch_tables(sign + VECTORS * SIGN_BYTES, own + VECTORS * CONSTANT_BYTES)
            for row in range(0, band, 2):
                both = 1 if row + 1 < band else 0
                upper, y = source + row * stride * row_bytes, target + row * below
                inside, after, chunk = once and alike and (both == 1 or twins > 0), 0, 0
                for n in range(0, pieces, TOGETHER):
                    alone = 1 if TOGETHER == 1 or n + 1 == pieces else 0
                    piece = next_piece(after, chunk, chunks, phase, phases, alone)
                    stretch, place, other, second, after, chunk = piece
                    y0, y1 = y + stretch * length + place, y + other * length + second
                    left, right = length - place, length - second
                    # The lower of two rows that is none of the image is the upper one again.
                    reads = (
                        upper + stretch * step + place * element,
                        upper + other * step + second * element,
                        taps,
                        groups,
                        matrix + (1 - both) * twins,
                        own,
                    )
                    kept, may = 0 if inside else n // TOGETHER * PIECE % KEPT, 0
                    if inside:
                        lane = lanes.ctypes.data + LANES_BYTES * min(left, STRETCH)
                        twice_over = alone * (TOGETHER - 1) + 1 - both
                        writes = ends, base + y0, base + y1, below, left, both, twice_over
                        may = channels_counted(form, *reads, *writes, sign, marks, lane, tally, ways[phase])
                        may = still_wanted((may | ALWAYS) & wanted, record, y0)
                    if not inside or may != 0:
                        keep_sums(shorts, *reads, kept_at[0] + kept * VECTORS * VECTOR)
                        _note(starts, lengths, kept, y0, y1, below, left, right, both, alone)
                    if not inside and (kept + PIECE == KEPT or n + TOGETHER >= pieces):
                        to = kept + PIECE, own, base, marks, lanes.ctypes.data, tally, twice
                        may = (_finish_counted(form, *kept_at, *to) | ALWAYS) & wanted
                        may = still_wanted(may, record, starts[0])
                    if may != 0:
                        seen = 0, kept + PIECE, may, told, places, phase * VECTORS, 0, VECTORS
                        locate(sums, starts, lengths, *seen, record)
        wanted = still_wanted(wanted, record, (begin + band) * below)
    close(counters, (last - first) * below, twice, record)
    memory[0] = 0  # the pieces saw its address only: this keeps it alive until here
