"""A.significant: as many significant bits as a float has; what float arithmetic makes of scaled integers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from npusim.spec.events import NO_EVENTS
from npusim.spec.interval import Interval
from npusim.spec.rounding import Rounding, shift_right
from npusim.spec.stages.base import BaseStage, Events, Fields, Operand, Ranges, range_of, value_of


@dataclass(frozen=True, kw_only=True)
class Significant(BaseStage):
    """The nearest integer with at most `digits` significant bits, those below being zero.

    A sum or product in binary32 is the exact one with 24 digits, half_even, wherever it is a normal
    number: pipelines that keep their values in units of a power of two compute in floats so. As many
    digits as the value has leave it alone.

    Examples
    --------
    >>> Significant(digits=3).exact(0b10101, {})[0] == 0b10100
    True
    """

    stage: Literal["significant"] = "significant"
    digits: Operand
    rounding: Rounding = Rounding.HALF_EVEN

    def operands(self) -> tuple[Operand, ...]:
        return (self.digits,)

    def exact(self, value: int, fields: Fields) -> tuple[int, Events]:
        return _rounded(value, value_of(self.digits, fields), self.rounding)

    def exact_reach(self, value: Interval, ranges: Ranges) -> Interval:
        digits = range_of(self.digits, ranges)
        least = max(digits.low, 1)
        # Monotone in the value for each number of digits, of which those up to the value's matter.
        ends = [
            _rounded(end, count, self.rounding)[0]
            for end in (value.low, value.high)
            for count in range(least, max(least, min(digits.high, value.bits)) + 1)
        ]
        return Interval(min(ends), max(ends))


def _rounded(value: int, digits: int, rounding: Rounding) -> tuple[int, Events]:
    if digits < 1:
        raise ValueError(f"{digits} significant bits: at least one is wanted (A3)")
    excess = abs(value).bit_length() - digits
    if excess <= 0:
        return value, NO_EVENTS
    kept, events = shift_right(value, excess, rounding)
    return kept << excess, events
