"""The l2_normalization step: rows divided by their length, one inverse root per row (A.l2_normalization)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from npusim.datapath.model import Datapath
from npusim.errors import InputError
from npusim.spec.interval import Interval
from npusim.spec.l2_normalization import ROW_FIELDS, row_fields
from npusim.spec.width import Width
from npusim.steps.base import TensorType
from npusim.steps.rowwise import RowwiseStep


class L2NormalizationStep(RowwiseStep):
    """Rows of the last axis divided by the root of their sum of squares."""

    kind: ClassVar[str] = "l2_normalization"
    row_fields: ClassVar[tuple[str, ...]] = ROW_FIELDS

    step: Literal["l2_normalization"] = "l2_normalization"

    def registers(self, values: Sequence[int]) -> dict[str, int]:
        return row_fields(values)

    def check(self, inputs: Sequence[TensorType], datapath: Datapath) -> None:
        super().check(inputs, datapath)
        codes = inputs[0].codes.interval
        difference = Interval(codes.low - codes.high, codes.high - codes.low)
        squares = Interval(0, difference.high**2 * inputs[0].shape[-1])
        if not squares.within(Interval.of(Width(32))):
            raise InputError("sums of squares can leave 32 bits", key="inputs[0]", found=inputs[0].shape[-1])
