"""Right shifts, one or two with a left shift before them, as one shift with constants before it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from npusim.kernels.common_list import CommonList
from npusim.kernels.ops import Words
from npusim.spec.rounding import Rounding


class Correction(IntEnum):
    """What the second rounding constant depends on: ``(p + first + correction) >> n``."""

    NONE = 0
    BY_SIGN = 1
    """It is added to negative products."""
    BY_LAST = 2
    """It is added where the lowest kept bit is set."""


_GREATEST = 62
"""Of the sum of two shifts: constants and products fit the word."""


@dataclass(frozen=True, eq=False)
class Shifts:
    """One right shift, or two of which the first rounds by its bits alone, after a left shift or none.

    Both right shifts are one (ARITHMETIC.md C). With inner constant c and ``q = (p + c) >> m``, the outer
    one is ``(q + f + [q < 0] * s) >> n == (p + c + (f << m) + [q < 0] * (s << m)) >> (m + n)``. Where p is
    negative and q is not, q is 0: a rule makes 0 of it, with the constants of either sign, so that the
    sign of p may be asked instead. A left shift by l leaves zeros below: all is divided by 2**l.

    Attributes
    ----------
    lift, inner, outer : int64[width]
    """

    lift: Words
    inner: Words
    inner_rule: Rounding
    outer: Words
    outer_rule: Rounding

    @classmethod
    def of(cls, listed: CommonList, columns: Words) -> Shifts | None:
        """Those of a list; None if they are not proven to be one shift."""
        nothing = np.zeros(columns.shape[1], np.int64)
        lift, inner, inner_rule = nothing, nothing, Rounding.FLOOR
        (column, rule), *more = listed.shifts
        outer = columns[column]
        if listed.lift is not None:
            powers = columns[listed.lift]
            if np.any(powers <= 0) or np.any(powers & (powers - 1)):
                return None  # no left shift, but a multiply
            lift = np.array([int(power).bit_length() - 1 for power in powers], np.int64)
        if more or (listed.lift is not None and rule in _BY_BITS):
            inner, inner_rule = outer, rule
            outer, rule = (columns[more[0][0]], more[0][1]) if more else (nothing, Rounding.FLOOR)
            if inner_rule not in _BY_BITS or int(inner.max()) + int(outer.max()) > _GREATEST:
                return None
        made = cls(lift, inner, inner_rule, outer, rule)
        if more and made.correction is Correction.BY_LAST:
            return None
        return made if made._can_be_lowered else None

    @property
    def correction(self) -> Correction:
        """What its constants depend on."""
        return _CONSTANTS[self.outer_rule][2]

    @property
    def _can_be_lowered(self) -> bool:
        """Whether all constants are multiples of the left shift's power."""
        even = self.inner_rule in {Rounding.FLOOR, Rounding.HALF_UP}
        return bool(np.all(self.lift == 0)) or (even and bool(np.all(self.lift < self.inner)))

    def constants(self, bits: int | None = None) -> tuple[Words, Words, Words]:
        """The shift, the constant before it, and what the correction adds to that.

        Parameters
        ----------
        bits
            Of the products' magnitude. A shift that leaves less than a quarter rounds like every greater
            one: the outer one is made that small.
        """
        outer = self.outer
        if bits is not None:
            outer = np.minimum(outer, np.maximum(bits + self.lift - self.inner, 0) + 3)
        _, inside, _ = rounding_constants(self.inner, self.inner_rule)
        outer, first, second = rounding_constants(outer, self.outer_rule)
        first = (inside + np.left_shift(first, self.inner)) >> self.lift
        second = np.left_shift(second, self.inner) >> self.lift
        return self.inner + outer - self.lift, first, second


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

_BY_BITS = {rule for rule, (_, _, correction) in _CONSTANTS.items() if correction is Correction.NONE}
