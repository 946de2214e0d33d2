"""The ordered accumulator: beats in the order of the loop nest, every write through its register (A4-A6).

Only the order along the products matters, so everything is vectorised across output channels.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from npusim.kernels.events import NEVER
from npusim.kernels.jit import kernel, part, readonly
from npusim.kernels.ops import Flags, Words, clamped, wrapped
from npusim.kernels.packed import Nest, Packed
from npusim.kernels.statistics import AccumulatorStatistics, Tally
from npusim.spec.mac import BiasPlace, Column
from npusim.spec.width import Overflow, Width


class Rule(IntEnum):
    """What a register does with a value that does not fit."""

    NO_REGISTER = 0
    SATURATE = 1
    WRAP = 2


_RULE, _LOW, _HIGH, _MASK, _SIGN, _REGISTER = 0, 1, 2, 3, 4, 5
"""A register as kernels read it."""


def _register(width: Width | None, overflow: Overflow) -> list[int]:
    if width is None:
        return [Rule.NO_REGISTER, 0, 0, 0, 0]
    if not width.signed or width.bits > 64:
        raise ValueError(f"accumulators and trees are signed and up to 64 bits, not {width}")
    rule = Rule.SATURATE if overflow is Overflow.SATURATE else Rule.WRAP
    mask = -1 if width.bits == 64 else (1 << width.bits) - 1
    return [rule, width.low, width.high, mask, width.low]


@dataclass(frozen=True, eq=False)
class Held:
    """What accumulators go on from.

    Attributes
    ----------
    start : int64[rows, O]
        What they hold before the first beat.
    load : int64[rows, O]
        What besides products belongs to the exact sum: the partial sum and the bias.
    """

    start: Words
    load: Words

    def part(self, rows: slice) -> Held:
        """Some of the rows."""
        return Held(self.start[rows], self.load[rows])


class OrderedColumn:
    """A MAC column with a step's weights in its order."""

    def __init__(self, column: Column, packed: Packed, bias: Words, lanes: int) -> None:
        self.packed = packed
        self.bias = bias
        self.beats = packed.beats(lanes)
        tree = _register(column.tree, column.tree_overflow)
        self.registers = readonly([_register(column.accumulator, column.overflow), tree], np.int64)
        self.late = int(column.bias_place is BiasPlace.LATE)
        self.start = readonly(np.zeros_like(bias) if self.late else bias, np.int64).reshape(1, -1)
        self.load = self.bias.reshape(1, -1)
        depthwise = packed.nest is Nest.DEPTHWISE
        multiplier = packed.group_outputs if depthwise else 1
        self.channel = readonly(np.arange(packed.outputs) // multiplier, np.int64)
        self.channels = packed.inputs if depthwise else 0

    def accumulate(
        self,
        patches: npt.NDArray[np.int16],
        group: int,
        out: Words,
        statistics: AccumulatorStatistics,
        base_index: int,
        held: Held | None = None,
    ) -> None:
        """Accumulate one group's columns for all rows of `out`, and add to the statistics.

        `held` has a row for each row of `out`; None: accumulators start from their bias.
        """
        _accumulate(
            readonly(patches, np.int16),
            self.packed.ordered_weights[group],
            self.bias,
            self.start if held is None else readonly(held.start, np.int64),
            self.load if held is None else readonly(held.load, np.int64),
            self.beats,
            self.registers,
            self.late,
            self.packed.x_zero,
            self.channels,
            self.channel,
            group * self.packed.ordered_weights.shape[2],
            out,
            statistics.tally,
            statistics.lowest,
            statistics.highest,
            int(base_index),
        )


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
    low, high, mask, sign = tree[_LOW], tree[_HIGH], tree[_MASK], tree[_SIGN]
    for o in range(beat.shape[0]):
        value = beat[o]
        missed[o] = value < low or value > high
        saturated = tree[_RULE] == Rule.SATURATE
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
    low, high, mask, sign = register[_LOW], register[_HIGH], register[_MASK], register[_SIGN]
    saturate = register[_RULE] == Rule.SATURATE
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
        if left_word or total < register[_LOW] or total > register[_HIGH]:
            tally[Tally.FINAL] += 1
            tally[Tally.FIRST_FINAL] = min(tally[Tally.FIRST_FINAL], base + o)


@kernel(signatures=1)
def _accumulate(
    patches: npt.NDArray[np.int16],
    weights: npt.NDArray[np.int32],
    bias: Words,
    start: Words,
    load: Words,
    beats: Words,
    registers: Words,
    late: int,
    x_zero: int,
    channels: int,
    channel: Words,
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
    bias : int64[O]
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
    own_bias = bias[first_column:last_column]
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
            if registers[1, _RULE] != Rule.NO_REGISTER:
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
