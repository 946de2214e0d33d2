"""The ordered accumulator in 32 or 64-bit words, vectorised along whatever is long: pixels or channels.

The same writes and the same statistics as `ordered`, for registers, beats and exact sums that are sure to
fit; `narrowest` is the proof. Which write was the first that did not fit is looked up only where it matters.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from npusim.kernels.jit import kernel, part, readonly
from npusim.kernels.ops import Words
from npusim.kernels.ordered_parts import (
    HIGH,
    NO_REGISTER,
    RULE,
    SATURATE,
    Narrow,
    count_finals,
    count_misses,
    first_miss,
    sum_beat,
    sum_channels,
    through_tree,
    write,
    write_four,
)
from npusim.kernels.statistics import Tally

BY_CHANNEL, BY_PIXEL, DEPTHWISE = 0, 1, 2
"""What lies side by side: the channels of a pixel, a channel of several pixels, channels of their own."""

BLOCK = 1024
"""Outputs that go together: their registers stay in the first-level cache."""


class Fitting(NamedTuple):
    """What a column is computed in."""

    dtype: np.dtype[np.signedinteger[Any]]
    registers: Words


def narrowest(registers: Words, product: int, beats: Words, loads: Words) -> Fitting | None:
    """The words that no number on the way leaves, and the registers in them; None if there are none.

    Parameters
    ----------
    registers : int64[2, 5]
        Accumulator and tree.
    product
        The greatest magnitude of one.
    beats : int64[beats + 1]
    loads : int64[...]
        Everything besides products that is added or started from.
    """
    if beats.size < 2 or loads.size == 0:
        return None
    loaded = max(-int(loads.min()), int(loads.max()))
    whole, beat = product * int(beats[-1]) + 2 * loaded, max(product * int(np.diff(beats).max()), loaded)
    high = int(registers[0, HIGH])
    most = whole if high >= whole else max(whole, high + beat)
    for word in (np.dtype(np.int32), np.dtype(np.int64)):
        limits = np.iinfo(word)
        if most <= limits.max:
            return Fitting(word, readonly(_bounded(registers, whole, limits), np.int64))
    return None


def _bounded(registers: Words, whole: int, limits: np.iinfo[Any]) -> Words:
    """Registers that hold all there is become the word itself; no tree is needed then.

    A tree's register makes no beat greater than it is, so that the accumulator need not ask for it.
    """
    made = registers.copy()
    if made[0, HIGH] >= whole:
        made[0] = [SATURATE, limits.min, limits.max, -1, limits.min]
    if made[1, HIGH] >= whole:
        made[1] = [NO_REGISTER, 0, 0, 0, 0]
    return made


def transposed(
    patches: npt.NDArray[np.int16], rows: int, zero: int, word: np.dtype[np.signedinteger[Any]]
) -> Narrow:
    """word[products, rows]: activations by row, their zero point taken off."""
    made = np.empty((patches.shape[1], rows), word)
    _transpose(patches, zero, made)
    return made


@kernel(signatures=2)
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
        into[:] = into.dtype.type(values[0, first_column + s])
    elif mode == BY_PIXEL:
        for i in range(into.shape[0]):
            into[i] = values[begin + i, first_column + s]
    else:
        length = min(values.shape[1] - first_column - begin, into.shape[0])
        for r in range(into.shape[0] // length):
            row, own = values[0 if shared else s + r, first_column + begin :], into[r * length :]
            for i in range(length):
                own[i] = row[i]


@part
def _hand_over(value: Narrow, mode: int, s: int, begin: int, first_column: int, out: Words) -> None:
    """Final values to the outputs of a block."""
    if mode == BY_PIXEL:
        for i in range(value.shape[0]):
            out[begin + i, first_column + s] = value[i]
    else:
        length = min(out.shape[1] - first_column - begin, value.shape[0])
        for r in range(value.shape[0] // length):
            row, own = out[s + r, first_column + begin :], value[r * length :]
            for i in range(length):
                row[i] = own[i]


@part
def _extremes(least: Narrow, greatest: Narrow, mode: int, column: int, lowest: Words, highest: Words) -> None:
    """A block's extremes into those of its column, or of its columns from `column` on, row by row."""
    if mode == BY_PIXEL:
        lowest[column], highest[column] = (
            min(lowest[column], least.min()),
            max(highest[column], greatest.max()),
        )
    else:
        low, high = lowest[column:], highest[column:]
        length = min(low.shape[0], least.shape[0])
        for r in range(least.shape[0] // length):
            small, great = least[r * length :], greatest[r * length :]
            for i in range(length):
                low[i], high[i] = min(low[i], np.int64(small[i])), max(high[i], np.int64(great[i]))


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


@part
def _sum(
    mode: int,
    patches: npt.NDArray[np.int16],
    zero: int,
    vector: Narrow,
    scalar: Narrow,
    s: int,
    first: int,
    last: int,
    begin: int,
    beat: Narrow,
) -> None:
    """The exact sums of some products."""
    if mode == DEPTHWISE:
        sum_channels(patches, zero, vector, s, first, last, begin, beat)
    else:
        sum_beat(vector, scalar, s, first, last, begin, beat)


@kernel(signatures=2)
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
    held: int,
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

    held
        1: what accumulators start from, and a late bias, is not what `load` says. Else an exact sum without
        a write that does not fit is what its register holds: only others are summed up again.

    The others are those of `ordered`'s kernel.
    """
    length, word = vector.shape[1], vector.dtype
    state, sums, missed = np.empty((5, BLOCK), word), np.empty((4, BLOCK), word), np.zeros((4, BLOCK), word)
    factors, once, tree = np.ones(4, word), np.ones(4, word), registers[1, RULE] != NO_REGISTER
    # Depthwise: whole rows, as many as a block holds; their outputs lie one behind the other.
    rows = max(1, BLOCK // length) if mode == DEPTHWISE else 1
    for s in range(0, scalar.shape[1], rows):
        together = min(rows, scalar.shape[1] - s)
        for begin in range(0, length, BLOCK):
            n = min(BLOCK, together * length - begin)
            value, misses, loads = state[0, :n], state[1, :n], state[2, :n]
            least, greatest, beat = state[3, :n], state[4, :n], sums[0, :n]
            _spread(start, mode, s, begin, first_column, value)
            _spread(load, mode, s, begin, first_column, loads)
            misses[:], least[:], greatest[:] = 0, value, value
            b, last = 0, beats.shape[0] - 1
            while b < last:
                four = b + 4 <= last
                ones = four and mode != DEPTHWISE and not tree and beats[b + 4] - beats[b] == 4
                for j in range(0 if ones else (4 if four else 1)):
                    own = sums[j, :n]
                    _sum(mode, patches, zero, vector, scalar, s, beats[b + j], beats[b + j + 1], begin, own)
                    if tree:
                        through_tree(own, registers[1], missed[j, :n])
                if ones:
                    for j in range(4):
                        factors[j] = scalar[beats[b] + j, s]
                    write_four(
                        value, vector, beats[b], begin, factors, registers[0], missed, misses, least, greatest
                    )
                elif four:
                    write_four(value, sums, 0, 0, once, registers[0], missed, misses, least, greatest)
                else:
                    write(value, beat, registers[0], missed[0, :n], misses, least, greatest)
                b += 4 if four else 1
            if late == 1:
                missed[0, :n] = 0
                _spread(bias, mode, s, begin, first_column, beat)
                write(value, beat, registers[0], missed[0, :n], misses, least, greatest)
            _hand_over(value, mode, s, begin, first_column, out)
            column = first_column + (s if mode == BY_PIXEL else begin)
            _extremes(least, greatest, mode, column, lowest, highest)
            origin = (begin if mode == BY_PIXEL else s) * out.shape[1] + column + base_index
            distance = out.shape[1] if mode == BY_PIXEL else 1
            first = count_misses(misses, tally)
            if first >= 0 or held == 1:
                _sum(mode, patches, zero, vector, scalar, s, 0, vector.shape[0], begin, beat)
                count_finals(beat, loads, registers[0], origin, distance, tally)
            if first >= 0 and origin + first * distance < tally[Tally.FIRST_PREFIX]:
                tally[Tally.FIRST_PREFIX] = origin + first * distance
                turn, side = s, begin + first
                if mode == DEPTHWISE:
                    turn, side = s + side // length, side % length
                row, at = (side, turn) if mode == BY_PIXEL else (turn, side)
                loaded = start[row if start.shape[0] > 1 else 0, first_column + at]
                products = _products(mode, patches, zero, vector, scalar, turn, side)
                tally[Tally.FIRST_BEAT] = first_miss(products, loaded, beats, registers)
