"""A combination with its events: the operands' by their codes, the result's by what they combine to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from npusim.kernels.alike import marks_of
from npusim.kernels.direct.protocol import Bytes, Call
from npusim.kernels.emit.combine_counted import ALL, combine_counted
from npusim.kernels.emit.registers import VECTOR
from npusim.kernels.event_plan import EventPlan, masks
from npusim.kernels.jit import kernel, readonly
from npusim.kernels.members import ONE_ROW, Members, add_members
from npusim.kernels.ops import Words
from npusim.kernels.tiled.combine import (
    ENDS,
    FORM,
    OPERANDS,
    UNIT,
    TiledCombination,
    bring_rest,
    take_rest,
)
from npusim.kernels.tiled.constants import RescaleConstants
from npusim.kernels.tiled.second_shift import again_marks


def counting_marks(plan: EventPlan, rescale: RescaleConstants) -> Words | None:
    """int64: as `emit.combine_counted` has them; None if channels differ.

    Parameters
    ----------
    rescale
        What makes codes of what the operands combine to.
    """
    marks, (lost, _) = marks_of(plan), masks(plan.lost)
    if marks is None:
        return None
    second, ends, near = None, 0, 0
    if plan.second is not None and not rescale.form.is_wide:
        second = again_marks(plan.second, rescale)
    if second is not None:  # at a tie, only the last lost bit is another than where nothing is lost
        ends, near = int(second.lost[0]) & ~int(second.half[0]), int(second.exact[0])
    return readonly([*marks, int(lost[0]) >> 1, ends, near], np.int64)


class CountingCombination:
    """See `ChainedCounting`; a record has the result's kinds, then those of both operands.

    Parameters
    ----------
    marks, kinds
        The result's `counting_marks`, and how many kinds it has.
    """

    def __init__(
        self, direct: TiledCombination, marks: Words, kinds: int, operands: Sequence[Members]
    ) -> None:
        self._direct, self._marks, self._kinds = direct, marks, kinds
        first, second = operands
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
        Of `counting_marks`.
    kinds
        How many the result has: the record's first ones.
    first_sets, second_sets, second_kind
        Both operands' `Members`, and where the second one's kinds begin in the record.
    """
    form, own_marks, own_record = settings[FORM], marks.ctypes.data, record.ctypes.data
    operands, ends = settings.ctypes.data + 8 * OPERANDS, settings.ctypes.data + 8 * ENDS
    for start in range(begin, end, UNIT):
        stop = min(start + UNIT, end)
        rest = (stop - start) % VECTOR
        x, y, z = np.int64(a.ctypes.data), np.int64(b.ctypes.data), np.int64(out.ctypes.data)
        x, y, z = x + start, y + start, z + start
        stretches, wanted, position = (stop - start) // VECTOR, ALL, start
        for turn in range(1 + min(rest, 1)):  # whole stretches, and the rest
            if turn == 1:
                take_rest(a, b, start, stop, scratch)
                x = np.int64(scratch.ctypes.data)
                y, z = x + VECTOR, x + 2 * VECTOR
                stretches, wanted, position = 1, (1 << rest) - 1, stop - rest
            combine_counted(
                *(form, x, y, stretches, operands, constants.ctypes.data, ends, z),
                *(own_marks, kinds, wanted, position, own_record),
            )
        bring_rest(scratch, start, stop, out)
        add_members(a, first_sets, start, stop, kinds, ONE_ROW.length, 0, 0, record)
        add_members(b, second_sets, start, stop, second_kind, ONE_ROW.length, 0, 0, record)
