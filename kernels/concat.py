"""Tensors behind each other along an axis, each through a function of its 8-bit codes, or as they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from npusim.kernels.direct.protocol import Bytes, Call
from npusim.kernels.jit import kernel, readonly
from npusim.kernels.members import CODES, Members, Rows
from npusim.kernels.ops import Words

_AS_THEY_ARE = readonly(np.zeros(0, np.uint8), np.uint8)


@dataclass(frozen=True, eq=False)
class Operand:
    """One input.

    Attributes
    ----------
    size
        Its bytes.
    rows
        Where they lie in the output.
    table : uint8[256]
        What each byte becomes; None: its codes stay as they are.
    members
        What its codes cause.
    """

    size: int
    rows: Rows
    table: Bytes | None = None
    members: Members | None = None


class DirectConcat:
    """A concat step from bytes to bytes.

    Attributes
    ----------
    operands
        Its inputs.
    units
        One: its calls are shared out, not its runs.
    scratch_bytes
        Nothing is needed.
    """

    def __init__(self, operands: Sequence[Operand]) -> None:
        self.operands = operands
        self.units, self.scratch_bytes = 1, 0

    def run(self, inputs: Sequence[Bytes], out: Bytes, scratch: Bytes, first: int, last: int) -> None:
        """See `Direct.run`."""
        for call in self.calls(inputs, out, scratch):
            call.kernel(*call.arguments)

    def calls(self, inputs: Sequence[Bytes], out: Bytes, scratch: Bytes) -> list[Call]:
        """See `Chained.calls`."""
        calls = []
        for x, operand in zip(inputs, self.operands, strict=True):
            table = _AS_THEY_ARE if operand.table is None else operand.table
            calls.append(Call(place_codes, (x, table, 0, operand.size, *operand.rows, out)))
        return calls

    def counts(self, inputs: Sequence[Bytes], record: Words) -> list[Call]:
        """What adds the operands' events to a record, one operand's kinds after the other's."""
        calls, kind = [], 0
        for x, operand in zip(inputs, self.operands, strict=True):
            if operand.members is not None:
                calls += operand.members.calls(x, 0, operand.size, record, kind, operand.rows)
                kind += len(operand.members.kinds)
        return calls


class CountingConcat:
    """The same with its events counted; see `ChainedCounting`."""

    def __init__(self, direct: DirectConcat) -> None:
        self._direct = direct
        self.units, self.scratch_bytes = direct.units, direct.scratch_bytes

    def run(
        self, inputs: Sequence[Bytes], out: Bytes, scratch: Bytes, first: int, last: int, record: Words
    ) -> None:
        """See `Counting.run`."""
        for call in self.calls(inputs, out, scratch, record):
            call.kernel(*call.arguments)

    def calls(self, inputs: Sequence[Bytes], out: Bytes, scratch: Bytes, record: Words) -> list[Call]:
        """See `ChainedCounting.calls`."""
        return [*self._direct.calls(inputs, out, scratch), *self._direct.counts(inputs, record)]


@kernel(signatures=1)
def place_codes(
    x: Bytes, table: Bytes, begin: int, end: int, length: int, offset: int, total: int, out: Bytes
) -> None:
    """Bytes `begin` .. `end` - 1 to where `Rows` says, by a table if it has entries."""
    start = begin
    while start < end:
        row = start // length
        stop = min((row + 1) * length, end)
        source, place = x[start:stop], row * total + offset + start - row * length
        target = out[place : place + stop - start]
        if table.shape[0] == CODES:
            for i in range(source.shape[0]):
                target[i] = table[source[i]]
        else:
            for i in range(source.shape[0]):
                target[i] = source[i]
        start = stop
