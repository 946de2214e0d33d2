"""A combination with its events: the operands' by their codes, the result's by what they combine to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from npusim.kernels.alike import count_sums
from npusim.kernels.direct.protocol import Bytes, Call
from npusim.kernels.jit import kernel
from npusim.kernels.members import ONE_ROW, Members, add_members
from npusim.kernels.ops import Words
from npusim.kernels.tiled.combine import SUMS, UNIT, TiledCombination, combine

_LENGTH = ONE_ROW.length


class CountingCombination:
    """See `ChainedCounting`; a record has the result's kinds, then those of both operands.

    Parameters
    ----------
    marks, kinds
        The result's `marks_of`, and how many kinds it has.
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
        Of `marks_of`.
    kinds
        How many the result has: the record's first ones.
    first_sets, second_sets, second_kind
        Both operands' `Members`, and where the second one's kinds begin in the record.
    """
    sums = scratch[SUMS : SUMS + 4 * UNIT].view(np.int32)
    for start in range(begin, end, UNIT):
        stop = min(start + UNIT, end)
        combine(a, b, constants, settings, start, stop, scratch, sums, out)
        count_sums(sums, marks, kinds, start, stop, record)
        add_members(a, first_sets, start, stop, kinds, _LENGTH, 0, 0, record)
        add_members(b, second_sets, start, stop, second_kind, _LENGTH, 0, 0, record)
