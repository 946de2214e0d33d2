"""Where a pipeline that wraps is monotone: between the values at which its registers wrap anew.

On a range of values on which what is written into a wrapping register keeps its quotient by 2^bits,
wrapping is the subtraction of a constant. So a pipeline of otherwise monotone stages is monotone there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from npusim.analysis.code_ranges import field_ranges, rescaled
from npusim.analysis.comparison import Unit
from npusim.analysis.monotone import slopes, wrapping
from npusim.analysis.rescale import Rescale, Words
from npusim.spec.interval import Interval
from npusim.spec.stages import BaseStage, Wrap
from npusim.spec.width import Width

MOST = 1 << 16
"""Pieces of one channel."""
_LEAST = 1 << 14
"""Values of a piece, on average: with fewer, a look at every value is as quick."""
_MAX_CODES = 1 << 16
_WORD = Interval(-(1 << 62), (1 << 62) - 1)


@dataclass(frozen=True, eq=False)
class Pieces:
    """Ranges of one channel's values, side by side.

    Attributes
    ----------
    low, high : int64[pieces]
        Both ends included.
    way
        1 or -1: which way both pipelines go on each of them.
    """

    low: Words
    high: Words
    way: int


def pieces(unit: Unit) -> Pieces | None:
    """The pieces of a unit of one channel on which both of its pipelines go one way.

    Returns
    -------
    Pieces or None
        None if there are too many, values leave 62 bits, or the pipelines go different ways or none.
    """
    ways = [int(slopes(side)[0]) for side in (unit.left, unit.right)]
    if ways[0] != ways[1] or not ways[0]:
        return None
    low, high = unit.low, unit.high
    most = min(MOST, int(high[0] - low[0]) // _LEAST)
    for side in (unit.left, unit.right):
        split = _split(side, low, high, most)
        if split is None:
            return None
        low, high = split
    for side in (unit.left, unit.right):
        codes = rescaled(side.stages, Interval(int(low.min()), int(high.max())), side.fields)
        if codes.high - codes.low >= _MAX_CODES:
            return None
    return Pieces(low, high, ways[0])


def estimate(unit: Unit) -> int:
    """About how many pieces a unit of one channel has: by its pipelines' first registers that wrap."""
    return 1 + sum(_turns(side, int(unit.low[0]), int(unit.high[0])) for side in (unit.left, unit.right))


def _turns(rescale: Rescale, low: int, high: int) -> int:
    fields = rescale.channel(0)
    for stage in rescale.stages:
        register = wrapping(stage)
        if register is not None:
            both = (low, high)
            if not isinstance(stage, Wrap):
                both = stage.exact(low, fields)[0], stage.exact(high, fields)[0]
            first, last = ((value - register.low) >> register.bits for value in both)
            turns = abs(last - first)
            if turns:
                return turns
        low, high = (stage.apply(value, fields)[0] for value in (low, high))
    return 0


def _split(rescale: Rescale, low: Words, high: Words, most: int) -> tuple[Words, Words] | None:
    """Each range cut where one of the pipeline's registers wraps anew."""
    ranges = field_ranges(rescale.fields)
    value = Interval(int(low.min()), int(high.max()))
    for index, stage in enumerate(rescale.stages):
        register = wrapping(stage)
        exact = value if isinstance(stage, Wrap) else stage.exact_reach(value, ranges)
        if register is not None and not exact.within(Interval.of(register)):
            if not exact.within(_WORD):
                return None
            stages = rescale.stages[:index] + _unwrapped(stage)
            cut = _cut(Rescale(stages, rescale.fields, 1), register, (low, high), most)
            if cut is None:
                return None
            low, high = cut
        value = stage.reach(value, ranges)
    return low, high


def _unwrapped(stage: BaseStage) -> tuple[BaseStage, ...]:
    """What is written into the register of a stage that wraps."""
    return () if isinstance(stage, Wrap) else (replace(stage, bits=None, overflow=None),)


def _cut(
    written: Rescale, register: Width, ranges: tuple[Words, Words], most: int
) -> tuple[Words, Words] | None:
    """Ranges on which `written` is monotone, cut where its quotient by 2^bits changes."""
    low, high = ranges
    zeros = np.zeros(1, np.intp)

    def quotient(values: Words) -> Words:
        wide = written.columns(np.broadcast_to(zeros, values.shape))
        made: Words = (wide.run(values[None])[0].astype(np.int64) - register.low) >> register.bits
        return made

    first = quotient(low)
    steps = quotient(high) - first
    count = np.abs(steps)
    if int(count.sum()) + len(low) > most:
        return None
    owner = np.repeat(np.arange(len(low)), count)
    number = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count) + 1
    wanted = first[owner] + np.sign(steps)[owner] * number
    below, above = low[owner], high[owner]
    up = steps[owner] > 0
    while (below < above).any():  # the least value whose quotient is there, or beyond
        middle = (below + above) >> 1
        made = quotient(middle)
        there = np.where(up, made >= wanted, made <= wanted)
        above = np.where(there, middle, above)
        below = np.where(there, below, middle + 1)
    starts = np.unique(np.concatenate([low, below]))
    # Ranges lie side by side: each ends before the next one begins.
    return starts, np.concatenate([starts[1:] - 1, high[-1:]])
