"""A combination with its events: the operands' by their codes, the result's by what they combine to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from npusim.kernels.direct.protocol import Bytes, Call
from npusim.kernels.emit.count_alike import (
    ADDED,
    FACTOR,
    HALF,
    HALF_AGAIN,
    HIGH,
    LOST,
    LOST_AGAIN,
    LOW,
    SHIFT,
    STRETCH,
    count_alike_once,
    count_alike_twice,
)
from npusim.kernels.event_plan import EventPlan, masks
from npusim.kernels.jit import Int, kernel, part, readonly
from npusim.kernels.members import ONE_ROW, Members, count_sets
from npusim.kernels.ops import Words
from npusim.kernels.records import COUNT, FIRST, KINDS_TOLD
from npusim.kernels.tiled.combine import SUMS, UNIT, Sums, TiledCombination, combine

_LENGTH = ONE_ROW.length


class CountingCombination:
    """See `ChainedCounting`; a record has the result's kinds, then those of both operands.

    Parameters
    ----------
    plan
        The result's; all channels alike.
    """

    def __init__(self, direct: TiledCombination, plan: EventPlan, operands: Sequence[Members]) -> None:
        self._direct = direct
        self._marks = _marks(plan)
        first, second = operands
        self._kinds = len(plan.kinds)
        self._operands = first.sets, second.sets, self._kinds + len(first.kinds)
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
        step = *inputs, *self._direct.constants, begin, end, scratch, out
        return (*step, self._marks, self._kinds, *self._operands, record)


def _marks(plan: EventPlan) -> Words:
    """int64[9]: as `emit.count_alike` has them, of the first channel."""
    second = plan.second
    narrow = {LOW: plan.low, HIGH: plan.high}
    narrow[LOST], narrow[HALF] = masks(plan.lost)
    narrow[LOST_AGAIN], narrow[HALF_AGAIN] = masks(0 * plan.lost if second is None else second.lost)
    marks = np.zeros(SHIFT + 1, np.int64)
    for entry, values in narrow.items():
        marks[entry] = np.uint32(values[0] & 0xFFFFFFFF).astype(np.int32)
    if second is not None:
        marks[[FACTOR, ADDED, SHIFT]] = second.factor[0], second.constant[0], second.first[0]
    return readonly(marks, np.int64)


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
    marks: Words,
    kinds: int,
    first_sets: Bytes,
    second_sets: Bytes,
    second_kind: int,
    record: Words,
) -> None:
    """As `combine`, with events added to a record.

    Parameters
    ----------
    marks
        As `emit.count_alike` has them.
    kinds
        How many the result has: the record's first ones.
    first_sets, second_sets, second_kind
        Both operands' `Members`, and where the second one's kinds begin in the record.
    """
    sums = scratch[SUMS : SUMS + 4 * UNIT].view(np.int32)
    for start in range(begin, end, UNIT):
        stop = min(start + UNIT, end)
        combine(a, b, constants, settings, start, stop, scratch, sums, out)
        _count_sums(sums, marks, kinds, start, stop, record)
        count_sets(a, first_sets, start, stop, kinds, _LENGTH, 0, 0, record)
        count_sets(b, second_sets, start, stop, second_kind, _LENGTH, 0, 0, record)


@part
def _caused(kind: int, value: Int, marks: Words) -> Any:
    """Whether a sum causes an event, by the numbers of `records`' kinds."""
    if kind == 0:
        return value < marks[LOW]
    if kind == 1:
        return value > marks[HIGH]
    if kind > 3:
        value = (value * marks[FACTOR] + marks[ADDED]) >> marks[SHIFT]
    bits = np.int32(value) & np.int32(marks[LOST if kind <= 3 else LOST_AGAIN])
    return bits == np.int32(marks[HALF if kind == 3 else HALF_AGAIN]) if kind % 2 == 1 else bits != 0


@part
def _count_sums(sums: Sums, marks: Words, kinds: int, begin: int, end: int, record: Words) -> None:
    """What the sums of codes `begin` .. `end` - 1 cause: whole stretches, then the rest."""
    counts, whole = np.zeros(KINDS_TOLD, np.int64), (end - begin) // STRETCH
    if kinds == KINDS_TOLD:
        count_alike_twice(sums.ctypes.data, whole, marks.ctypes.data, counts.ctypes.data)
    else:
        count_alike_once(sums.ctypes.data, whole, marks.ctypes.data, counts.ctypes.data)
    for kind in range(kinds):
        for i in range(whole * STRETCH, end - begin):
            counts[kind] += int(_caused(kind, np.int64(sums[i]), marks))
        if counts[kind] > 0:
            record[COUNT + kind] += counts[kind]
            i = 0
            while begin + i < record[FIRST + kind] and not _caused(kind, np.int64(sums[i]), marks):
                i += 1
            record[FIRST + kind] = min(record[FIRST + kind], begin + i)
