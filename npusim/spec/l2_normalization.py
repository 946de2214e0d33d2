"""A.l2_normalization: a vector divided by its length in fixed point, as LiteRT's reference kernel does it."""

from __future__ import annotations

from collections.abc import Sequence

from npusim.spec.fixed_point import inverse_root
from npusim.spec.pipeline import run
from npusim.spec.stages import BaseStage, Fields

ROW_FIELDS = ("inverse_root", "root_shift", "root_left", "root_right")
"""The registers that a row fills itself: ``inverse_root / 2**(31 + root_shift)`` is one over its length.

`root_left` and `root_right` are the same shift for a result in units of 1/128: of ``root_shift - 7`` the
part to the left and the part to the right.
"""

_RESULT_BITS = 7


def row_fields(values: Sequence[int]) -> dict[str, int]:
    """The registers of a row of numbers."""
    root, shift = inverse_root(sum(value * value for value in values))
    made = (root, shift, max(_RESULT_BITS - shift, 0), max(shift - _RESULT_BITS, 0))
    return dict(zip(ROW_FIELDS, made, strict=True))


def l2_normalization(
    codes: Sequence[int],
    operand_pipeline: Sequence[BaseStage],
    result_pipeline: Sequence[BaseStage],
    fields: Fields,
) -> list[int]:
    """The codes of a row divided by its length."""
    values = [run(operand_pipeline, code, fields).result for code in codes]
    filled = {**fields, **row_fields(values)}
    return [run(result_pipeline, value, filled).result for value in values]
