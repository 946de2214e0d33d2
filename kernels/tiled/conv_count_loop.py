"""The compiled loop over output pixels of `tiled.conv`, with events."""

from __future__ import annotations

from npusim.kernels.direct.protocol import Bytes
from npusim.kernels.emit.count import LANES_BYTES, MARK_BYTES
from npusim.kernels.emit.count_once import SIGN_BYTES, Way
from npusim.kernels.emit.prefetch import prefetch_marks, prefetch_tables
from npusim.kernels.emit.registers import COUNT, VECTOR
from npusim.kernels.emit.rescale import CONSTANT_BYTES
from npusim.kernels.emit.tile_counted import finish_counted
from npusim.kernels.emit.tile_once_counted import tile_once_counted
from npusim.kernels.jit import kernel
from npusim.kernels.ops import Words
from npusim.kernels.tiled.conv_loop import (
    ACROSS,
    BAND,
    COLUMN,
    COLUMNS,
    DOWN,
    ENDS,
    FLIP,
    FLIPS,
    FORM,
    HEAD,
    MADE,
    ONCE_SHORTS,
    OUT_COLUMNS,
    PANEL,
    PIXEL,
    ROWS,
    SEGMENTS,
    SETTINGS,
    SHORTS,
    STEPS,
    copy_image,
    multiply_apart,
    panel_memory,
)
from npusim.kernels.tiled.patches import patches
from npusim.kernels.tiled.tally import ALWAYS, close, locate, no_counters, still_wanted
from npusim.kernels.tiled.weights import GROUP

_MEMORY = int(Way.MEMORY)


@kernel(signatures=1)
def convolve_counting(
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
    signs: Words,
    lanes: Words,
    places: Words,
    wanted: int,
    twice: int,
    ways: Words,
    record: Words,
) -> None:
    """As `convolve`, with events added to a record.

    Parameters
    ----------
    told, signs, lanes, places, wanted, twice, ways
        Of `Told`.
    record : int64[records.LENGTH]
    """
    offsets, starts, lengths, made = panel_memory(scratch)
    at, sums = offsets.ctypes.data, made.ctypes.data
    segments, parts, steps = settings.ctypes.data + 8 * SETTINGS, settings[SEGMENTS], settings[STEPS]
    ends, flips, flip = settings.ctypes.data + 8 * ENDS, settings.ctypes.data + 8 * FLIPS, settings[FLIP]
    shorts, pixel, band, form = settings[SHORTS], settings[PIXEL], settings[BAND], settings[FORM]
    counters, target, lengths[:] = no_counters(), out.ctypes.data, settings[COLUMNS]
    tally = counters.ctypes.data
    for begin in range(first, last, band):
        end = min(begin + band, last)
        source, origin = x.ctypes.data + 0, 0  # of int64, like the sum below: else it would be a float
        if settings[MADE] == 1:
            origin = copy_image(x, begin, end, settings, scratch)
            source = scratch.ctypes.data + HEAD
        for panel in range(begin, end, PANEL):
            count = min(PANEL, end - panel)
            patches(offsets, panel, count, settings[OUT_COLUMNS], settings[DOWN], settings[ACROSS], origin)
            for i in range(count):
                starts[i] = (panel + i) * pixel + settings[COLUMN]
            for b in range(blocks.shape[0]):
                vectors, own = blocks[b, 0], constants.ctypes.data + b * GROUP * CONSTANT_BYTES
                matrix = weights.ctypes.data + blocks[b, 2]
                step, group, offset = ROWS[vectors], b * GROUP, COUNT * blocks[b, 1]
                left = settings[COLUMNS] - offset
                marks, where = told.ctypes.data + group * MARK_BYTES, (group, group, vectors)
                masks = lanes.ctypes.data + b * LANES_BYTES
                sign = signs.ctypes.data + group * SIGN_BYTES
                # Tiles of all rows are counted in registers, those before `whole`; others by way of memory.
                whole = count // step * step if shorts == ONCE_SHORTS and ways[b] != _MEMORY else 0
                if whole < count:
                    prefetch_marks(marks)
                if panel == first and b + 1 < blocks.shape[0]:
                    prefetch_tables(sign + GROUP * SIGN_BYTES, own + GROUP * CONSTANT_BYTES)
                for r in range(0, count, step):
                    reads = vectors, source, at + 8 * r, matrix, segments, parts, steps
                    in_memory = sums + r * vectors * VECTOR
                    if r >= whole:
                        multiply_apart(shorts, *reads, flip, own, in_memory)
                        continue
                    writes = target + starts[r] + offset, pixel, left
                    counts = sign, marks, masks, tally, ways[b]
                    may = tile_once_counted(form, *reads, flips, own, ends, *writes, *counts)
                    may = still_wanted((may | ALWAYS) & wanted, record, starts[r] + offset)
                    if may != 0:
                        multiply_apart(shorts, *reads, flip, own, in_memory)
                        locate(made, starts, lengths, r, r + step, may, told, places, *where, record)
                if whole < count:
                    rest = sums + whole * vectors * VECTOR, count - whole, vectors, own
                    to = target + offset, starts.ctypes.data + 8 * whole, left
                    may = finish_counted(form, *rest, *to, marks, masks, tally, twice)
                    may = still_wanted((may | ALWAYS) & wanted, record, starts[whole] + offset)
                    if may != 0:
                        locate(made, starts, lengths, whole, count, may, told, places, *where, record)
            wanted = still_wanted(wanted, record, (panel + count) * pixel)
    close(counters, (last - first) * settings[COLUMNS], twice, record)
