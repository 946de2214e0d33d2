"""A combination with its events: the operands' by their codes, the result's by what they combine to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from npusim.kernels.direct.protocol import Bytes, Call
from npusim.kernels.emit.count import count_once, count_twice
from npusim.kernels.emit.registers import COUNT
from npusim.kernels.event_plan import EventPlan
from npusim.kernels.jit import kernel, part
from npusim.kernels.members import Members, count_sets
from npusim.kernels.ops import Words
from npusim.kernels.tiled.combine import SUMS, UNIT, Sums, TiledCombination, combine
from npusim.kernels.tiled.tally import ALWAYS, close, lanes_of, locate, no_counters, still_wanted, told


class CountingCombination:
    """See `ChainedCounting`; a record has the result's kinds, then those of both operands.

    Parameters
    ----------
    plan
        The result's; all channels alike.
    """

    def __init__(self, direct: TiledCombination, plan: EventPlan, operands: Sequence[Members]) -> None:
        self._direct = direct
        self._told = told(plan, np.zeros(COUNT, np.int64), np.arange(COUNT)[np.newaxis])
        first, second = operands
        place = len(plan.kinds)
        self._operands = first.sets, second.sets, place, place + len(first.kinds)
        self.units, self.scratch_bytes = direct.units, direct.scratch_bytes

    def run(
        self, inputs: Sequence[Bytes], out: Bytes, scratch: Bytes, first: int, last: int, record: Words
    ) -> None:
        """See `Counting.run`."""
        begin, end = first * UNIT, min(last * UNIT, self._direct.size)
        combine_counting(*self._arguments(inputs, out, scratch, begin, end, record))

    def calls(self, inputs: Sequence[Bytes], out: Bytes, scratch: Bytes, record: Words) -> list[Call]:
        """See `ChainedCounting.calls`."""
        arguments = self._arguments(inputs, out, scratch, 0, self._direct.size, record)
        return [Call(combine_counting, arguments)]

    def _arguments(
        self, inputs: Sequence[Bytes], out: Bytes, scratch: Bytes, begin: int, end: int, record: Words
    ) -> tuple[Any, ...]:
        """As `combine_counting` takes them."""
        plan, step = self._told, (*inputs, *self._direct.constants, begin, end, scratch, out)
        return (*step, plan.rows, plan.places, plan.wanted, plan.twice, *self._operands, record)


@kernel(signatures=1)
def combine_counting(
    a: Bytes,
    b: Bytes,
    constants: Bytes,
    settings: Words,
    begin: int,
    end: int,
    scratch: Bytes,
    out: Bytes,
    rows: Words,
    places: Words,
    wanted: int,
    twice: int,
    first_sets: Bytes,
    second_sets: Bytes,
    first_kind: int,
    second_kind: int,
    record: Words,
) -> None:
    """As `combine`, with events added to a record.

    Parameters
    ----------
    rows, places, wanted, twice
        Of a `Told` of one vector.
    first_sets, second_sets, first_kind, second_kind
        Both operands' `Members`, and where their kinds begin in the record.
    """
    sums = scratch[SUMS : SUMS + 4 * UNIT].view(np.int32)
    for start in range(begin, end, UNIT):
        stop = min(start + UNIT, end)
        combine(a, b, constants, settings, start, stop, scratch, sums, out)
        wanted = still_wanted(wanted, record, start)
        _count_sums(sums, rows, places, wanted, twice, start, stop, record)
        count_sets(a, first_sets, start, stop, first_kind, record)
        count_sets(b, second_sets, start, stop, second_kind, record)


@part
def _count_sums(
    sums: Sums, rows: Words, places: Words, wanted: int, twice: int, begin: int, end: int, record: Words
) -> None:
    """What the sums of codes `begin` .. `end` - 1 cause: whole vectors, then the rest."""
    values = end - begin
    whole, counters, lanes = values // COUNT, no_counters(), np.empty(1, np.int64)
    for turn in range(2):
        first, number, left = (0, whole, COUNT) if turn == 0 else (whole, 1, values - whole * COUNT)
        if number > 0 and left > 0:
            lanes_of(places, left, lanes)
            source, own = sums.ctypes.data + 4 * COUNT * first, lanes.ctypes.data
            if twice == 1:
                may = count_twice(source, number, 1, rows.ctypes.data, own, counters.ctypes.data)
            else:
                may = count_once(source, number, 1, rows.ctypes.data, own, counters.ctypes.data)
            may = (may | ALWAYS) & wanted
            if may != 0:
                starts = begin + COUNT * (first + np.arange(number))
                locate(sums[COUNT * first :], starts, may, rows, places, left, record)
    close(counters, values, twice, record)
