"""The ordered accumulator: beats in the order of the loop nest, every write through its register (A4-A6).

Only the order along the products matters, so everything is vectorised across output channels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from npusim.kernels.jit import readonly
from npusim.kernels.ops import Words
from npusim.kernels.ordered_narrow import (
    BY_CHANNEL,
    BY_PIXEL,
    DEPTHWISE,
    Fitting,
    accumulate_narrow,
    narrowest,
    transposed,
)
from npusim.kernels.ordered_parts import NO_REGISTER, SATURATE, WRAP
from npusim.kernels.ordered_wide import accumulate_wide
from npusim.kernels.packed import Nest, Packed
from npusim.kernels.statistics import AccumulatorStatistics
from npusim.spec.mac import BiasPlace, Column
from npusim.spec.width import Overflow, Width


def _register(width: Width | None, overflow: Overflow) -> list[int]:
    if width is None:
        return [NO_REGISTER, 0, 0, 0, 0]
    if not width.signed or width.bits > 64:
        raise ValueError(f"accumulators and trees are signed and up to 64 bits, not {width}")
    rule = SATURATE if overflow is Overflow.SATURATE else WRAP
    mask = -1 if width.bits == 64 else (1 << width.bits) - 1
    return [rule, width.low, width.high, mask, width.low]


class Common(NamedTuple):
    """What all columns of a step share, as kernels take it."""

    bias: Words
    start: Words
    load: Words
    beats: Words
    registers: Words
    late: int


class Place(NamedTuple):
    """Which columns are accumulated, and where results and statistics go."""

    first_column: int
    out: Words
    tally: Words
    lowest: Words
    highest: Words
    base_index: int


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
        start, load = (self.start, self.load) if held is None else (held.start, held.load)
        weights = self.packed.ordered_weights[group]
        mode = self._mode(group, out.shape[0])
        fitting = None if mode is None else self._fitting(group, start, load)
        common = Common(
            self.bias.reshape(1, -1),
            readonly(start, np.int64),
            readonly(load, np.int64),
            self.beats,
            self.registers if fitting is None else fitting.registers,
            self.late,
        )
        place = Place(
            group * weights.shape[1],
            out,
            statistics.tally,
            statistics.lowest,
            statistics.highest,
            int(base_index),
        )
        patches, zero = readonly(patches, np.int16), self.packed.x_zero
        if mode is None or fitting is None:
            accumulate_wide(patches, weights, zero, self.channels, self.channel, *common, *place)
            return
        word = fitting.dtype
        own, others = readonly(weights.astype(word, copy=False), word), int(held is not None)
        if mode == DEPTHWISE:
            turns = readonly(np.zeros((weights.shape[0], out.shape[0]), word), word)
            accumulate_narrow(mode, patches, zero, own, turns, *common, others, *place)
        else:
            codes = readonly(transposed(patches, out.shape[0], zero, word), word)
            vector, scalar = (codes, own) if mode == BY_PIXEL else (own, codes)
            accumulate_narrow(mode, patches, zero, vector, scalar, *common, others, *place)

    def _mode(self, group: int, rows: int) -> int | None:
        """What to vectorise along; None: the general kernel."""
        columns = self.packed.ordered_weights[group].shape[1]
        if self.channels:
            return DEPTHWISE if self.channels == columns else None
        return BY_PIXEL if rows >= columns else BY_CHANNEL

    def _fitting(self, group: int, start: Words, load: Words) -> Fitting | None:
        limits, zero = np.iinfo(self.packed.x_dtype), self.packed.x_zero
        reach = max(zero - int(limits.min), int(limits.max) - zero)
        loads = np.concatenate([start.reshape(-1), load.reshape(-1), self.bias])
        return narrowest(self.registers, reach * self.packed.ordered_reach[group], self.beats, loads)
