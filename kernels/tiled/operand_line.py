"""An elementwise operand as `emit.combine` computes it, compared with its pipeline for every code."""

from __future__ import annotations

import numpy as np

from npusim.kernels.emit.combine import LIFT, LINE, ROUNDED
from npusim.kernels.ops import CODE, COLUMN, Op, Words
from npusim.kernels.pipeline import run
from npusim.kernels.plan import Plan

CODES = np.arange(-128, 128)
"""All codes as int8; unsigned ones less 128."""

_FACTOR_BITS = 31
_HALF_WORD = 32


def operand_values(plan: Plan, unsigned: bool) -> Words | None:
    """int64[256]: what an operand's pipeline makes of each code; None if channels differ."""
    if np.any(np.ptp(plan.columns, axis=1)):
        return None
    codes = CODES + (128 if unsigned else 0)
    return run(plan, np.repeat(codes[:, np.newaxis], plan.channels, axis=1))[:, 0]


def operand_line(plan: Plan, unsigned: bool, values: Words, sign: int) -> list[int] | None:
    """The six constants of an operand; None if no line gives its values, rounded or not.

    Parameters
    ----------
    values : int64[256]
        Of `operand_values`.
    sign
        -1: for the opposite values.
    """
    steps = np.diff(values)
    if np.all(steps == steps[0]):
        return [LINE, 0, sign * int(steps[0]), sign * int(values[128]), 0, 0]
    before = 128 if unsigned else 0
    factor, shift = 1, 0
    for op in plan.ops:
        match Op(op[CODE]):
            case Op.ADD if factor == 1 and shift == 0:
                before += int(plan.columns[op[COLUMN], 0])
            case Op.MULTIPLY:
                factor *= int(plan.columns[op[COLUMN], 0])
            case Op.SHIFT_RIGHT:
                shift += int(plan.columns[op[COLUMN], 0])
            case Op.WRAP:
                pass  # what it does shows in the values
            case _:
                return None
    return _rounded(before, sign * factor, shift, sign * values)


def _rounded(before: int, factor: int, shift: int, values: Words) -> list[int] | None:
    """The first rounding constants that give all values: of one shift, or of gemmlowp's two."""
    while factor and factor % 2 == 0 and shift > 0:
        factor, shift = factor // 2, shift - 1
    lifted = _FACTOR_BITS - abs(factor).bit_length()
    shift += lifted + LIFT - _HALF_WORD
    if not 1 <= shift <= _FACTOR_BITS or lifted < 0 or abs(before) > 383:
        return None
    factor <<= lifted
    x, half = CODES + before, 1 << (shift - 1)
    high = ((x << LIFT) * factor) >> _HALF_WORD
    for addend, negative in ((half, 0), (half - 1, 0), (half + 1, -2), (half - 1, 2)):
        if np.array_equal((high + addend + np.where(x < 0, negative, 0)) >> shift, values):
            return [ROUNDED, before, factor, addend, negative, shift]
    return None
