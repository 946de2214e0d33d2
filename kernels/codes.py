"""Functions of 8-bit codes by table, and tensors that keep their codes: from bytes to bytes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from npusim.kernels.direct.protocol import Bytes, Call
from npusim.kernels.jit import kernel, readonly
from npusim.kernels.members import Members
from npusim.kernels.ops import Words

_CODES = 256
_UNIT = 1 << 12
"""Codes of a unit."""


class DirectTable:
    """A function of each code.

    Attributes
    ----------
    units
        Stretches of codes.
    unit
        Codes of one.
    scratch_bytes
        Nothing is needed.
    """

    def __init__(self, table: Bytes, size: int) -> None:
        self._table, self._size = table, size
        flip = int(table[0])
        self._flip = flip if np.array_equal(table, np.arange(_CODES) ^ flip) else None
        self.unit, self.units, self.scratch_bytes = _UNIT, -(-size // _UNIT), 0

    def run(self, inputs: Sequence[Bytes], out: Bytes, scratch: Bytes, first: int, last: int) -> None:
        """See `Direct.run`."""
        part = slice(first * _UNIT, min(last * _UNIT, self._size))
        for call in self.calls([inputs[0][part]], out[part], scratch):
            call.kernel(*call.arguments)

    def calls(self, inputs: Sequence[Bytes], out: Bytes, scratch: Bytes) -> list[Call]:
        """See `Chained.calls`."""
        if self._flip is None:
            return [Call(look_up, (inputs[0], self._table, out))]
        return [Call(flip_codes, (inputs[0], self._flip, out))]


class CountingTable:
    """A function of each code with the events of its pipeline; see `ChainedCounting`."""

    def __init__(self, direct: DirectTable, members: Members) -> None:
        self._direct, self._members = direct, members
        self.units, self.scratch_bytes = direct.units, direct.scratch_bytes

    def run(
        self, inputs: Sequence[Bytes], out: Bytes, scratch: Bytes, first: int, last: int, record: Words
    ) -> None:
        """See `Counting.run`."""
        self._direct.run(inputs, out, scratch, first, last)
        begin, end = first * _UNIT, min(last * _UNIT, out.size)
        for call in self._members.calls(inputs[0], begin, end, record):
            call.kernel(*call.arguments)

    def calls(self, inputs: Sequence[Bytes], out: Bytes, scratch: Bytes, record: Words) -> list[Call]:
        """See `ChainedCounting.calls`."""
        counts = self._members.calls(inputs[0], 0, out.size, record)
        return [*self._direct.calls(inputs, out, scratch), *counts]


def direct_table(codes: npt.NDArray[np.generic], lowest: int, size: int) -> DirectTable | None:
    """A function of 8-bit codes to 8-bit codes as one of bytes; None if it is of other codes.

    Parameters
    ----------
    codes
        int8 or uint8[256]: of each code from `lowest` on.
    size
        Codes of a tensor.
    """
    if codes.shape != (_CODES,) or codes.dtype.itemsize != 1:
        return None
    by_byte = np.roll(codes.view(np.uint8), lowest)
    return DirectTable(readonly(by_byte, np.uint8), size)


@kernel(signatures=1)
def look_up(x: Bytes, table: Bytes, out: Bytes) -> None:
    """Each byte's entry of a table."""
    for i in range(out.shape[0]):
        out[i] = table[x[i]]


@kernel(signatures=1)
def flip_codes(x: Bytes, flip: int, out: Bytes) -> None:
    """Each byte with some bits flipped, or none."""
    mask = np.uint8(flip)
    for i in range(out.shape[0]):
        out[i] = x[i] ^ mask


def direct_copy(size: int) -> DirectTable:
    """A tensor of so many bytes that keeps its codes."""
    return DirectTable(readonly(np.arange(_CODES, dtype=np.uint8), np.uint8), size)
