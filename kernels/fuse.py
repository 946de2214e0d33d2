"""Recognise the common list - multiply, shift_right, add, clamp - and put it into one-pass form."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from npusim.kernels.common_list import CommonList, rule_of
from npusim.kernels.jit import readonly
from npusim.kernels.ops import CODE, COLUMN, Op, Words
from npusim.kernels.shifts import Correction, Shifts, rounding_constants


class Small(IntEnum):
    """The rows of a fused rescale's 32-bit operands."""

    FACTOR = 0
    SHIFT = 1
    ZERO = 2
    LOW = 3
    HIGH = 4


_PRODUCT_LIMIT = (1 << 62) - 1
"""Products below 2**62 in magnitude: with any rounding constant they fit the word, and shifts of 63
(62 for directed rules) already round like every greater one."""


@dataclass(frozen=True, eq=False)
class FusedRescale:
    """A rescale in one pass over its accumulators.

    Attributes
    ----------
    small : int32[len(Small), width]
    constants : int64[2, width]
        Added before the shift: always, and by the correction.
    correction
        Which of the three loops.
    limit
        The greatest magnitude of an accumulator whose product is sure to fit.
    low, high
        The range of its results.
    shifts
        The pipeline's own shifts, one wide.
    """

    small: npt.NDArray[np.int32]
    constants: Words
    correction: Correction
    limit: int
    low: int
    high: int
    shifts: Shifts


def fuse(ops: Words, columns: Words) -> FusedRescale | None:
    """The one-pass form of an operation table; None if it is not the common list.

    The list is an optional multiply, one shift_right or two, an optional add and a clamp (or saturate).
    Before the multiply a shift_left may stand; its register, and one behind the shifts, may wrap or
    saturate: the limit keeps accumulators from both.
    """
    listed = CommonList.of(ops)
    shifts = Shifts.of(listed, columns) if listed is not None and columns.shape[1] else None
    if listed is None or shifts is None:
        return None
    small = np.zeros((len(Small), columns.shape[1]), np.int64)
    small[Small.FACTOR] = columns[listed.factor] if listed.factor is not None else 1
    small[Small.ZERO] = columns[listed.zero] if listed.zero is not None else 0
    small[Small.LOW], small[Small.HIGH] = columns[listed.clamp : listed.clamp + 2]
    small[Small.SHIFT], *constants = shifts.constants()
    if not _in_int32(small):
        return None
    factors, bounds = small[Small.FACTOR], small[[Small.LOW, Small.HIGH]]
    greatest = max(-int(factors.min()), int(factors.max()), 1)
    registers = listed.limits(columns, small[Small.FACTOR], small[Small.SHIFT])
    limit = min([_PRODUCT_LIMIT // greatest, *registers])
    if limit < 0:
        return None
    return FusedRescale(
        readonly(small, np.int32),
        readonly(constants, np.int64),
        shifts.correction,
        limit,
        int(bounds.min()),
        int(bounds.max()),
        shifts,
    )


def fuse_operand(ops: Words, columns: Words) -> Words | None:
    """int64[2, width]: addend and factor of an (add, multiply) list, either of them optional.

    None if the list is another one, or an operand leaves int32.
    """
    codes = [int(op[CODE]) for op in ops]
    if codes != [code for code in (Op.ADD, Op.MULTIPLY) if code in codes]:
        return None
    column = {int(op[CODE]): int(op[COLUMN]) for op in ops}
    operand = np.stack([np.zeros(columns.shape[1], np.int64), np.ones(columns.shape[1], np.int64)])
    for row, code in enumerate((Op.ADD, Op.MULTIPLY)):
        if code in column:
            operand[row] = columns[column[code]]
    return operand if _in_int32(operand) else None


def _in_int32(values: Words) -> bool:
    limits = np.iinfo(np.int32)
    return bool(values.min() >= limits.min and values.max() <= limits.max)


__all__ = [
    "Correction",
    "FusedRescale",
    "Small",
    "fuse",
    "fuse_operand",
    "rounding_constants",
    "rule_of",
]
