"""The ordered accumulator in 64-bit words: any register up to that width, vectorised across channels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from npusim.kernels.events import NEVER
from npusim.kernels.jit import kernel, part
from npusim.kernels.ops import Flags, Words, clamped, wrapped
from npusim.kernels.ordered_parts import HIGH, LOW, MASK, NO_REGISTER, RULE, SATURATE, SIGN
from npusim.kernels.statistics import Tally


@part
def _sum_beat(
    patch: npt.NDArray[np.int16],
    first: int,
    last: int,
    weights: npt.NDArray[np.int32],
    x_zero: int,
    channels: int,
    channel: Words,
    beat: Words,
) -> None:
    """The exact sum of one beat's products for every column.

    A product of 17-bit differences has 34 bits; 2**29 of them fit.
    """
    for o in range(beat.shape[0]):
        beat[o] = 0
    for k in range(first, last):
        row = weights[k]
        if channels == 0:
            x = np.int32(patch[k] - x_zero)
            for o in range(beat.shape[0]):
                beat[o] += np.int64(x) * np.int64(row[o])
        elif channels == beat.shape[0]:
            codes = patch[k * channels : (k + 1) * channels]
            for o in range(beat.shape[0]):
                beat[o] += (codes[o] - x_zero) * np.int64(row[o])
        else:
            codes = patch[k * channels : (k + 1) * channels]
            for o in range(beat.shape[0]):
                beat[o] += (codes[channel[o]] - x_zero) * np.int64(row[o])


@part
def _through_tree(beat: Words, tree: Words, missed: Flags) -> None:
    """Write each column's beat into the adder tree's register; `missed` where it does not fit."""
    low, high, mask, sign = tree[LOW], tree[HIGH], tree[MASK], tree[SIGN]
    for o in range(beat.shape[0]):
        value = beat[o]
        missed[o] = value < low or value > high
        saturated = tree[RULE] == SATURATE
        beat[o] = clamped(value, low, high) if saturated else wrapped(value, mask, sign)


@part
def _write(
    value: Words,
    addends: Words,
    register: Words,
    missed: Flags,
    index: int,
    state: Words,
    lowest: Words,
    highest: Words,
) -> int:
    """Add to every column's register; returns how many writes did not fit.

    The sum may leave the word: then its sign is wrong, and the addend says on which side.
    """
    low, high, mask, sign = register[LOW], register[HIGH], register[MASK], register[SIGN]
    saturate = register[RULE] == SATURATE
    misses = 0
    for o in range(value.shape[0]):
        total = value[o] + addends[o]
        left_word = ((value[o] ^ total) & (addends[o] ^ total)) < 0
        over = total > high if not left_word else addends[o] > 0
        under = total < low if not left_word else addends[o] < 0
        clipped = low if under else (high if over else total)
        written = clipped if saturate else wrapped(total, mask, sign)
        value[o] = written
        miss = over or under or missed[o] != 0
        misses += miss
        state[o] = min(state[o], index if miss else NEVER)
        lowest[o] = min(lowest[o], written)
        highest[o] = max(highest[o], written)
    return misses


@part
def _count_final(exact: Words, load: Words, register: Words, tally: Words, base: int) -> None:
    """A4 `final`: exact sums that leave the register; what was loaded may carry them out of the word."""
    for o in range(exact.shape[0]):
        total = exact[o] + load[o]
        left_word = ((exact[o] ^ total) & (load[o] ^ total)) < 0
        if left_word or total < register[LOW] or total > register[HIGH]:
            tally[Tally.FINAL] += 1
            tally[Tally.FIRST_FINAL] = min(tally[Tally.FIRST_FINAL], base + o)


@kernel(signatures=1)
def accumulate_wide(
    patches: npt.NDArray[np.int16],
    weights: npt.NDArray[np.int32],
    x_zero: int,
    channels: int,
    channel: Words,
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
    patches : int16[rows, products]
    weights : int32[K, columns]
    bias : int64[1, O]
        Added at the end if `late`.
    start, load : int64[1, O] or int64[rows, O]
        As in `Held`; one row serves all.
    beats : int64[beats + 1]
    registers : int64[2, 5]
        Accumulator, tree.
    channels
        Depthwise: input channels; product k of column o reads ``k * channels + channel[o]``. Else 0.
    out : int64[rows, O]
    tally, lowest, highest
        Statistics to add to.
    """
    columns, outputs = weights.shape[1], out.shape[1]
    last_column = first_column + columns
    own_bias = bias[0, first_column:last_column]
    own_lowest, own_highest = lowest[first_column:last_column], highest[first_column:last_column]
    value, exact, beat = np.empty(columns, np.int64), np.empty(columns, np.int64), np.empty(columns, np.int64)
    first_beat, missed = np.empty(columns, np.int64), np.zeros(columns, np.uint8)
    for r in range(out.shape[0]):
        held = r if start.shape[0] > 1 else 0
        for o in range(columns):
            value[o] = start[held, first_column + o]
            exact[o] = 0
            first_beat[o] = NEVER
            own_lowest[o] = min(own_lowest[o], value[o])
            own_highest[o] = max(own_highest[o], value[o])
        misses = 0
        for b in range(beats.shape[0] - 1):
            _sum_beat(patches[r], beats[b], beats[b + 1], weights, x_zero, channels, channel, beat)
            for o in range(columns):
                exact[o] += beat[o]
            if registers[1, RULE] != NO_REGISTER:
                _through_tree(beat, registers[1], missed)
            misses += _write(value, beat, registers[0], missed, b, first_beat, own_lowest, own_highest)
        if late == 1:
            missed[:] = 0
            last = beats.shape[0] - 1
            misses += _write(value, own_bias, registers[0], missed, last, first_beat, own_lowest, own_highest)
        base = base_index + r * outputs + first_column
        _count_final(exact, load[held, first_column:last_column], registers[0], tally, base)
        if misses > 0:
            tally[Tally.PREFIX] += misses
            for o in range(columns):
                if first_beat[o] != NEVER and base + o < tally[Tally.FIRST_PREFIX]:
                    tally[Tally.FIRST_PREFIX] = base + o
                    tally[Tally.FIRST_BEAT] = first_beat[o]
        for o in range(columns):
            out[r, first_column + o] = value[o]
