"""The common list of stages - multiply, shift_right, add, clamp - found in a table of operations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from npusim.kernels.ops import CODE, COLUMN, FIRST_PARAMETER, Op, Words, increments
from npusim.spec.rounding import Rounding

_MOST_SHIFTS = 2
_RULES = {increments(rule): rule for rule in Rounding}


def rule_of(table: int) -> Rounding:
    """The rule of a shift's operation: what its truth table was made of."""
    return _RULES[table]


@dataclass(frozen=True)
class CommonList:
    """An optional multiply, one shift_right or two, an optional add, a clamp (or saturate).

    Before the multiply a shift_left may stand; its register, and one behind the shifts, may overflow:
    `limits` keeps accumulators from both.

    Attributes
    ----------
    lift, factor, zero, clamp
        The columns of the left shift's power, of the factor, of what is added, of the first bound.
    shifts
        For each right shift its column and rule.
    register
        What the left shift's register holds, in magnitude; None: the whole word.
    between
        The column of a clamp behind the shifts.
    """

    lift: int | None
    factor: int | None
    shifts: tuple[tuple[int, Rounding], ...]
    zero: int | None
    clamp: int
    register: int | None
    between: int | None

    @classmethod
    def of(cls, ops: Words) -> CommonList | None:
        """The list that a table is, if it is one."""
        left = [[int(value) for value in op] for op in ops]

        def take(wanted: Op) -> list[int] | None:
            return left.pop(0) if left and left[0][CODE] == wanted else None

        lift, register = take(Op.MULTIPLY), None
        wrap = take(Op.WRAP) if lift is not None else None
        if wrap is not None:
            register = wrap[FIRST_PARAMETER + 1] - 1  # -1: unsigned
        factor = take(Op.MULTIPLY)
        if factor is None and wrap is None:
            lift, factor = None, lift
        shifts: list[tuple[int, Rounding]] = []
        while len(shifts) < _MOST_SHIFTS and (shift := take(Op.SHIFT_RIGHT)) is not None:
            shifts.append((shift[COLUMN], rule_of(shift[FIRST_PARAMETER])))
        between = take(Op.CLAMP) if len(left) > 1 else None
        zero, clamp = take(Op.ADD), take(Op.CLAMP)
        if left or not shifts or clamp is None:
            return None
        columns = (op[COLUMN] if op is not None else None for op in (lift, factor, zero, between))
        lift_column, factor_column, zero_column, bounds = columns
        return cls(lift_column, factor_column, tuple(shifts), zero_column, clamp[COLUMN], register, bounds)

    def limits(self, columns: Words, factor: Words, shift: Words) -> Iterator[int]:
        """Magnitudes of accumulators for which no register between the list's ends overflows.

        Parameters
        ----------
        factor, shift : int64[width]
            Of the one shift that all shifts are.
        """
        if self.lift is not None and self.register is not None:
            yield self.register // int(columns[self.lift].max())
        if self.between is not None:
            below, above = columns[self.between : self.between + 2]
            held = int(min(-below.max(), above.min())) - 1  # rounding adds one at most
            yield (held << int(shift.min())) // max(1, int(np.abs(factor).max())) if held >= 0 else -1
