"""A.softmax: rows of 8-bit codes in two passes, where the pipelines are LiteRT's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from npusim.kernels.direct.protocol import Bytes
from npusim.kernels.jit import kernel, readonly
from npusim.kernels.ops import Words
from npusim.spec.fixed_point import reciprocal, shift_down
from npusim.spec.rounding import Rounding
from npusim.spec.softmax import ROW_FIELDS, SUM_INTEGER_BITS
from npusim.spec.stages import Add, BaseStage, Clamp, Multiply, ShiftRight, Table

_RECIPROCAL, _SHIFT = ROW_FIELDS
_CODES = 256
_LEAST_SHIFT = 32 - SUM_INTEGER_BITS
"""No row's own shift is further below zero."""


@dataclass(frozen=True, eq=False)
class Softmax:
    """A softmax of rows of codes; make it with `softmax`.

    Attributes
    ----------
    exponentials, thinned : int64[256]
        By the distance to the greatest code; as they are, and as they are added up.
    fixed_shift
        What is added to the row's own shift.
    flip
        Makes codes unsigned.
    """

    exponentials: Words
    thinned: Words
    fixed_shift: int
    zero: int
    low: int
    high: int
    flip: int

    def row(self, x: Bytes, out: Bytes) -> None:
        """One row of codes."""
        greatest, total = _add_up(x, self.flip, self.thinned)
        self.scale(x, greatest, *self.reciprocal(total), out)

    def reciprocal(self, total: int) -> tuple[int, int]:
        """The factor and the shift of a row whose exponentials add up to `total`."""
        factor, shift = reciprocal(total, SUM_INTEGER_BITS)
        return factor, shift + self.fixed_shift

    def scale(self, x: Bytes, greatest: int, factor: int, shift: int, out: Bytes) -> None:
        """The codes of a row whose greatest code, unsigned, is known."""
        ends = self.zero, self.low, self.high
        _scale(x, self.flip, greatest, self.exponentials, factor, shift, *ends, out)


class DirectSoftmax:
    """A softmax step from codes to codes.

    Attributes
    ----------
    softmax
        Of one row.
    units
        Rows.
    scratch_bytes
        Nothing is needed.
    """

    def __init__(self, softmax: Softmax, rows: int) -> None:
        self.softmax, self.units, self.scratch_bytes = softmax, rows, 0

    def run(self, inputs: Sequence[Bytes], out: Bytes, scratch: Bytes, first: int, last: int) -> None:
        """See `Direct.run`."""
        length = out.size // self.units
        for row in range(first, last):
            own = slice(row * length, (row + 1) * length)
            self.softmax.row(inputs[0][own], out[own])


def softmax(
    operand: Sequence[BaseStage],
    result: Sequence[BaseStage],
    fields: Mapping[str, int | npt.NDArray[np.integer]],
    codes: np.dtype[np.generic],
) -> Softmax | None:
    """The fast form of a softmax step; None if its pipelines or codes are others."""
    match tuple(operand), tuple(result):
        case (
            (Table() as table,),
            (
                Multiply(by=by, bits=None),
                ShiftRight(by=(31,), rounding=Rounding.HALF_UP, bits=None),
                ShiftRight(by=(int() as fixed, str() as own), rounding=Rounding.HALF_AWAY, bits=None),
                Add(operand=zero, bits=None),
                Clamp(low=low, high=high),
            ),
        ) if by == _RECIPROCAL and own == _SHIFT:
            ends = [fields.get(end, None) if isinstance(end, str) else end for end in (zero, low, high)]
            values = np.asarray(fields.get(table.table, ())).astype(np.int64)
        case _:
            return None
    plain = table.index_bits == 8 and table.fraction_bits == 0 and not table.index_signed
    if codes.itemsize != 1 or not plain or values.shape != (_CODES,) or not all(map(_is_scalar, ends)):
        return None
    if values.min() < 0 or values.max() >= 1 << 31 or not _LEAST_SHIFT <= fixed <= 30:
        return None
    thinned = [shift_down(int(value), SUM_INTEGER_BITS) for value in values]
    zero, low, high = (int(end) for end in ends)  # type: ignore[arg-type]
    flip = 128 if codes == np.int8 else 0
    return Softmax(readonly(values, np.int64), readonly(thinned, np.int64), fixed, zero, low, high, flip)


def _is_scalar(end: object) -> bool:
    return end is not None and np.ndim(end) == 0  # type: ignore[arg-type]


@kernel(signatures=1)
def _add_up(x: Bytes, flip: int, thinned: Words) -> tuple[int, int]:
    """The greatest code, unsigned, and the sum of what all codes' distances to it stand for."""
    greatest = 0
    for i in range(x.shape[0]):
        greatest = max(greatest, int(x[i]) ^ flip)
    total = 0
    for i in range(x.shape[0]):
        total += thinned[greatest - (int(x[i]) ^ flip)]
    return greatest, total


@kernel(signatures=1)
def _scale(
    x: Bytes,
    flip: int,
    greatest: int,
    exponentials: Words,
    factor: int,
    shift: int,
    zero: int,
    low: int,
    high: int,
    out: Bytes,
) -> None:
    """Exponentials, nonnegative and below 2**31, times the row's reciprocal; one code after another."""
    codes = np.empty(_CODES, np.uint8)
    half = (1 << shift) >> 1
    for distance in range(greatest + 1):
        doubled = (exponentials[distance] * factor + (1 << 30)) >> 31
        value = ((doubled + half) >> shift) + zero
        codes[distance] = np.uint8(min(max(value, low), high) & 255)
    for i in range(x.shape[0]):
        out[i] = codes[greatest - (int(x[i]) ^ flip)]
