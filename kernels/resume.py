"""A7: accumulators that go on from partial sums, shifted left between the passes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.kernels.events import NEVER
from npusim.kernels.geometry import Geometry
from npusim.kernels.mac import accumulate_fast, accumulate_ordered, wrap
from npusim.kernels.ops import Words
from npusim.kernels.ordered import Held
from npusim.kernels.packed import Packed
from npusim.kernels.statistics import AccumulatorStatistics, Tally
from npusim.spec.mac import BiasPlace, Column
from npusim.spec.width import Overflow, Width


def resume_fast(
    x: npt.NDArray[Any],
    packed: Packed,
    bias: npt.NDArray[np.int64],
    geometry: Geometry,
    partial: Words,
    rows: range,
    word: npt.DTypeLike,
) -> npt.NDArray[Any]:
    """Exact sums that go on from partial ones, which are shifted already; all are proven to fit `word`.

    Parameters
    ----------
    partial : int64[len(rows), O]
    x, packed, bias, geometry, rows, word
        As for `accumulate_fast`.
    """
    sums = accumulate_fast(x, packed, bias, geometry, rows, word)
    sums += partial.astype(word)
    return sums


def resume_wrapped(
    x: npt.NDArray[Any],
    packed: Packed,
    bias: npt.NDArray[np.int64],
    geometry: Geometry,
    partial: Words,
    rows: range,
    register: Width,
) -> tuple[Words, AccumulatorStatistics]:
    """As `accumulate_wrapped`, going on from shifted partial sums; the exact sums fit 64 bits."""
    exact = resume_fast(x, packed, bias, geometry, partial, rows, np.int64)
    statistics = AccumulatorStatistics.of_exact(exact, register, rows.start * packed.outputs)
    return wrap(exact, register), statistics


def resume_ordered(
    x: npt.NDArray[Any],
    packed: Packed,
    bias: npt.NDArray[np.int64],
    geometry: Geometry,
    partial: Words,
    rows: range,
    column: Column,
    lanes: int,
) -> tuple[Words, AccumulatorStatistics]:
    """Register by register, as `npusim.spec.expansion.accumulate_onto` has it.

    Shifted partial sums and biases have fewer than 63 bits.
    """
    register, overflow = column.accumulator, column.overflow
    start = _written(partial, register, overflow)
    missed = (start != partial).astype(np.int64)
    load = partial
    if column.bias_place is BiasPlace.PRELOAD:
        load, unwritten = partial + bias, start + bias
        start = _written(unwritten, register, overflow)
        missed += start != unwritten
    values, statistics = accumulate_ordered(
        x,
        packed,
        bias,
        geometry,
        column,
        lanes,
        rows,
        held=Held(start, load if column.bias_place is BiasPlace.PRELOAD else load + bias),
    )
    return values, _loads(missed, rows.start * packed.outputs).merge(statistics)


def _written(values: Words, register: Width, overflow: Overflow) -> Words:
    if overflow is Overflow.WRAP:
        return wrap(values, register)
    clipped: Words = np.clip(values, register.low, register.high)
    return clipped


def _loads(missed: Words, base_index: int) -> AccumulatorStatistics:
    """The writes before the first beat that did not fit: they count as overflows at beat 0."""
    statistics = AccumulatorStatistics.of_nothing(missed.shape[1])
    where = np.flatnonzero(missed)
    first = base_index + int(where[0]) if where.size else NEVER
    beat = 0 if where.size else NEVER
    entries = [Tally.PREFIX, Tally.FIRST_PREFIX, Tally.FIRST_BEAT]
    statistics.tally[entries] = int(missed.sum()), first, beat
    return statistics
