"""Recognise the common list - multiply, shift_right, add, clamp - and put it into one-pass form."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from npusim.kernels.jit import readonly
from npusim.kernels.ops import CODE, COLUMN, FIRST_PARAMETER, Op, Words, increments
from npusim.spec.rounding import Rounding


class Correction(IntEnum):
    """What the second rounding constant depends on: ``(p + first + correction) >> n``."""

    NONE = 0
    BY_SIGN = 1
    """It is added to negative products."""
    BY_LAST = 2
    """It is added where the lowest kept bit is set."""


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
    """

    small: npt.NDArray[np.int32]
    constants: Words
    correction: Correction
    limit: int
    low: int
    high: int


def fuse(ops: Words, columns: Words) -> FusedRescale | None:
    """The one-pass form of an operation table; None if it is not the common list.

    The list is an optional multiply, a shift_right, an optional add and a clamp (or saturate).
    """
    codes = [int(op[CODE]) for op in ops]
    core = [code for code in codes if code not in (Op.MULTIPLY, Op.ADD)]
    listed = [code for code in (Op.MULTIPLY, Op.SHIFT_RIGHT, Op.ADD, Op.CLAMP) if code in codes]
    if core != [Op.SHIFT_RIGHT, Op.CLAMP] or codes != listed or columns.shape[1] == 0:
        return None
    column = {int(op[CODE]): int(op[COLUMN]) for op in ops}
    rule = _RULES[int(ops[codes.index(Op.SHIFT_RIGHT), FIRST_PARAMETER])]
    small = np.zeros((len(Small), columns.shape[1]), np.int64)
    small[Small.FACTOR] = columns[column[Op.MULTIPLY]] if Op.MULTIPLY in column else 1
    small[Small.ZERO] = columns[column[Op.ADD]] if Op.ADD in column else 0
    small[Small.LOW], small[Small.HIGH] = columns[column[Op.CLAMP] : column[Op.CLAMP] + 2]
    small[Small.SHIFT], *constants = rounding_constants(columns[column[Op.SHIFT_RIGHT]], rule)
    if not _in_int32(small):
        return None
    factors, bounds = small[Small.FACTOR], small[[Small.LOW, Small.HIGH]]
    greatest = max(-int(factors.min()), int(factors.max()), 1)
    return FusedRescale(
        readonly(small, np.int32),
        readonly(constants, np.int64),
        _CONSTANTS[rule][2],
        _PRODUCT_LIMIT // greatest,
        int(bounds.min()),
        int(bounds.max()),
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


def rounding_constants(shift: Words, rule: Rounding) -> tuple[Words, Words, Words]:
    """A1 as ``(p + first + correction) >> n``: n, first and what the correction adds."""
    first, second, _ = _CONSTANTS[rule]
    directed = "all" in (first, second.removeprefix("-"))
    shift = np.minimum(shift, 62 if directed else 63)
    some = np.where(shift > 0, np.int64(1), 0)
    half = np.left_shift(some, np.maximum(shift - 1, 0))
    constants = {"": 0 * half, "half": half, "half-1": half - some, "all": 2 * half - some, "1": some}
    signed = -constants[second[1:]] if second.startswith("-") else constants[second]
    return shift, constants[first], signed


_CONSTANTS = {
    Rounding.FLOOR: ("", "", Correction.NONE),
    Rounding.HALF_UP: ("half", "", Correction.NONE),
    Rounding.HALF_DOWN: ("half-1", "", Correction.NONE),
    Rounding.HALF_TOWARD_ZERO: ("half-1", "1", Correction.BY_SIGN),
    Rounding.HALF_AWAY: ("half", "-1", Correction.BY_SIGN),
    Rounding.HALF_EVEN: ("half-1", "1", Correction.BY_LAST),
    Rounding.HALF_ODD: ("half", "-1", Correction.BY_LAST),
    Rounding.TOWARD_ZERO: ("", "all", Correction.BY_SIGN),
    Rounding.CEIL: ("all", "", Correction.NONE),
    Rounding.AWAY: ("all", "-all", Correction.BY_SIGN),
}
"""Per rule: the first constant, the second, and when the second is added."""

_RULES = {increments(rule): rule for rule in Rounding}
