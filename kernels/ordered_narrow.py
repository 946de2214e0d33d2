"""The ordered accumulator in 32-bit words, vectorised along whatever is long: output pixels or channels.

The same writes and the same statistics as `ordered`, for registers, beats and exact sums that are sure to
fit; `fits` is the proof. Which write was the first that did not fit is looked up only where it matters.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from npusim.kernels.jit import kernel, part
from npusim.kernels.ops import Words
from npusim.kernels.ordered_parts import (
    HIGH,
    NO_REGISTER,
    RULE,
    Narrow,
    count_finals,
    count_misses,
    first_miss,
    sum_beat,
    sum_channels,
    through_tree,
    write,
)
from npusim.kernels.statistics import Tally

BY_CHANNEL, BY_PIXEL, DEPTHWISE = 0, 1, 2
"""What lies side by side: the channels of a pixel, a channel of several pixels, channels of their own."""

BLOCK = 512
"""Outputs that go together: their registers stay in the first-level cache."""

_ROOM = 1 << 30


def fits(registers: Words, weights: Narrow, x_reach: int, beats: Words, loads: Words) -> bool:
    """Whether no number on the way leaves 32 bits.

    Parameters
    ----------
    registers : int64[2, 5]
        Accumulator and tree.
    weights : int32[K, columns]
    x_reach
        The greatest magnitude of an activation, its zero point taken off.
    beats : int64[beats + 1]
    loads : int64[...]
        Everything besides products that is added or started from.
    """
    if weights.size == 0 or loads.size == 0 or int(registers[:, HIGH].max()) >= _ROOM:
        return False
    product = x_reach * max(-int(weights.min()), int(weights.max()))
    loaded = max(-int(loads.min()), int(loads.max()))
    return product * int(np.diff(beats).max()) < _ROOM and product * weights.shape[0] + 2 * loaded < _ROOM


def transposed(patches: npt.NDArray[np.int16], rows: int, zero: int) -> Narrow:
    """int32[products, rows]: activations by row, their zero point taken off."""
    made = np.empty((patches.shape[1], rows), np.int32)
    _transpose(patches, zero, made)
    return made


@kernel(signatures=1)
def _transpose(patches: npt.NDArray[np.int16], zero: int, made: Narrow) -> None:
    """Sixteen rows at a time: as many as share the lines that are written."""
    products, rows = made.shape
    for first in range(0, rows, 16):
        last = min(first + 16, rows)
        for k in range(products):
            for r in range(first, last):
                made[k, r] = patches[r, k] - zero


@part
def _spread(values: Words, mode: int, s: int, begin: int, first_column: int, into: Narrow) -> None:
    """What the outputs of a block find in int64[1 or rows, O]."""
    shared = values.shape[0] == 1
    if mode == BY_PIXEL and shared:
        into[:] = np.int32(values[0, first_column + s])
    elif mode == BY_PIXEL:
        for i in range(into.shape[0]):
            into[i] = values[begin + i, first_column + s]
    else:
        row = values[0 if shared else s, first_column + begin :]
        for i in range(into.shape[0]):
            into[i] = row[i]


@part
def _hand_over(value: Narrow, mode: int, s: int, begin: int, first_column: int, out: Words) -> None:
    """Final values to the outputs of a block."""
    if mode == BY_PIXEL:
        for i in range(value.shape[0]):
            out[begin + i, first_column + s] = value[i]
    else:
        row = out[s, first_column + begin :]
        for i in range(value.shape[0]):
            row[i] = value[i]


@part
def _extremes(least: Narrow, greatest: Narrow, mode: int, column: int, lowest: Words, highest: Words) -> None:
    """A block's extremes into those of its column, or of its columns from `column` on."""
    if mode == BY_PIXEL:
        lowest[column], highest[column] = (
            min(lowest[column], least.min()),
            max(highest[column], greatest.max()),
        )
    else:
        low, high = lowest[column:], highest[column:]
        for i in range(least.shape[0]):
            low[i], high[i] = min(low[i], np.int64(least[i])), max(high[i], np.int64(greatest[i]))


@part
def _products(
    mode: int, patches: npt.NDArray[np.int16], zero: int, vector: Narrow, scalar: Narrow, s: int, v: int
) -> Words:
    """int64[K]: those of one output."""
    made = np.empty(scalar.shape[0] if mode != BY_CHANNEL else vector.shape[0], np.int64)
    for k in range(made.shape[0]):
        if mode == DEPTHWISE:
            made[k] = (np.int64(patches[s, k * vector.shape[1] + v]) - zero) * np.int64(vector[k, v])
        else:
            made[k] = np.int64(vector[k, v]) * np.int64(scalar[k, s])
    return made


@kernel(signatures=1)
def accumulate_narrow(
    mode: int,
    patches: npt.NDArray[np.int16],
    zero: int,
    vector: Narrow,
    scalar: Narrow,
    bias: Words,
    start: Words,
    load: Words,
    beats: Words,
    registers: Words,
    late: int,
    first_column: int,
    out: Words,
    tally: Words,
    lowest: Words,
    highest: Words,
    base_index: int,
) -> None:
    """Columns ``first_column ..`` for every row of `out`.

    Parameters
    ----------
    mode
        What lies side by side.
    patches, zero
        Read by DEPTHWISE only, which takes the zero point off itself.
    vector, scalar : int32[K, outputs side by side], int32[K, outputs in turn]
        BY_PIXEL: activations and weights; BY_CHANNEL: weights and activations. DEPTHWISE: weights, and as
        many columns as there are rows.

    The others are those of `ordered`'s kernel.
    """
    length = vector.shape[1]
    buffers = np.empty((8, BLOCK), np.int32)
    for s in range(scalar.shape[1]):
        for begin in range(0, length, BLOCK):
            n = min(BLOCK, length - begin)
            value, exact, beat, misses = buffers[0, :n], buffers[1, :n], buffers[2, :n], buffers[3, :n]
            missed, loads, least, greatest = buffers[4, :n], buffers[5, :n], buffers[6, :n], buffers[7, :n]
            _spread(start, mode, s, begin, first_column, value)
            _spread(load, mode, s, begin, first_column, loads)
            exact[:], misses[:], missed[:], least[:], greatest[:] = 0, 0, 0, value, value
            for b in range(beats.shape[0] - 1):
                if mode == DEPTHWISE:
                    sum_channels(patches[s], zero, vector, beats[b], beats[b + 1], begin, beat)
                else:
                    sum_beat(vector, scalar, s, beats[b], beats[b + 1], begin, beat)
                for i in range(beat.shape[0]):
                    exact[i] += beat[i]
                if registers[1, RULE] != NO_REGISTER:
                    through_tree(beat, registers[1], missed)
                write(value, beat, registers[0], missed, misses, least, greatest)
            if late == 1:
                missed[:] = 0
                _spread(bias, mode, s, begin, first_column, beat)
                write(value, beat, registers[0], missed, misses, least, greatest)
            _hand_over(value, mode, s, begin, first_column, out)
            column = first_column + (s if mode == BY_PIXEL else begin)
            _extremes(least, greatest, mode, column, lowest, highest)
            origin = (begin if mode == BY_PIXEL else s) * out.shape[1] + column + base_index
            distance = out.shape[1] if mode == BY_PIXEL else 1
            count_finals(exact, loads, registers[0], origin, distance, tally)
            first = count_misses(misses, tally)
            if first >= 0 and origin + first * distance < tally[Tally.FIRST_PREFIX]:
                row, at = (begin + first, column) if mode == BY_PIXEL else (s, column + first)
                products = _products(mode, patches, zero, vector, scalar, s, begin + first)
                held = start[row if start.shape[0] > 1 else 0, at]
                tally[Tally.FIRST_PREFIX] = origin + first * distance
                tally[Tally.FIRST_BEAT] = first_miss(products, held, beats, registers)
