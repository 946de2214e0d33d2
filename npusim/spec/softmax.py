"""A.softmax: a softmax in fixed point, the way LiteRT's reference kernel computes it.

Per row: each code's distance to the greatest goes through a table of exponentials (Q0.31); these are
added up with 19 fraction bits; each is multiplied by the reciprocal of the sum.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from npusim.spec.fixed_point import reciprocal, shift_down
from npusim.spec.pipeline import run
from npusim.spec.stages import BaseStage, Fields

SUM_INTEGER_BITS = 12
RECIPROCAL, EXTRA_SHIFT = "reciprocal", "reciprocal_shift"
"""The registers that a row fills itself: the result pipeline reads them."""


@dataclass(frozen=True)
class Row:
    """What a row's sum becomes: ``reciprocal / 2**(31 + shift)`` is one over it."""

    reciprocal: int
    shift: int

    @classmethod
    def of(cls, exponentials: Sequence[int]) -> Row:
        """Add up exponentials, turn the sum over."""
        total = sum(shift_down(value, SUM_INTEGER_BITS) for value in exponentials)
        return cls(*reciprocal(total, SUM_INTEGER_BITS))


def softmax(
    codes: Sequence[int],
    operand_pipeline: Sequence[BaseStage],
    result_pipeline: Sequence[BaseStage],
    fields: Fields,
) -> list[int]:
    """The codes of a row's softmax."""
    greatest = max(codes)
    exponentials = [run(operand_pipeline, greatest - code, fields).result for code in codes]
    row = Row.of(exponentials)
    filled = {**fields, RECIPROCAL: row.reciprocal, EXTRA_SHIFT: row.shift}
    return [run(result_pipeline, value, filled).result for value in exponentials]
