"""A.softmax: a softmax in fixed point, the way LiteRT's reference kernel computes it.

Per row: each code's distance to the greatest goes through a table of exponentials (Q0.31); these are
added up with 19 fraction bits; each is multiplied by the reciprocal of the sum.
"""

from __future__ import annotations

from collections.abc import Sequence

from npusim.spec.fixed_point import reciprocal, shift_down
from npusim.spec.pipeline import run
from npusim.spec.stages import BaseStage, Fields

SUM_INTEGER_BITS = 12
ROW_FIELDS = ("reciprocal", "reciprocal_shift")
"""The registers that a row fills itself: ``reciprocal / 2**(31 + reciprocal_shift)`` is one over its sum."""


def row_fields(exponentials: Sequence[int]) -> dict[str, int]:
    """The registers of a row of exponentials."""
    total = sum(shift_down(value, SUM_INTEGER_BITS) for value in exponentials)
    return dict(zip(ROW_FIELDS, reciprocal(total, SUM_INTEGER_BITS), strict=True))


def softmax(
    codes: Sequence[int],
    operand_pipeline: Sequence[BaseStage],
    result_pipeline: Sequence[BaseStage],
    fields: Fields,
) -> list[int]:
    """The codes of a row's softmax."""
    greatest = max(codes)
    exponentials = [run(operand_pipeline, greatest - code, fields).result for code in codes]
    filled = {**fields, **row_fields(exponentials)}
    return [run(result_pipeline, value, filled).result for value in exponentials]
