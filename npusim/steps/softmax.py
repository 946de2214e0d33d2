"""The softmax step: exponentials by table, one fixed-point reciprocal per row (A.softmax)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt

from npusim.spec.softmax import ROW_FIELDS, row_fields
from npusim.steps.rowwise import RowwiseStep


class SoftmaxStep(RowwiseStep):
    """A softmax over the last axis; the table of exponentials is one of its fields."""

    kind: ClassVar[str] = "softmax"
    row_fields: ClassVar[tuple[str, ...]] = ROW_FIELDS

    step: Literal["softmax"] = "softmax"

    def entering(self, codes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        distances: npt.NDArray[np.int64] = codes.max(axis=1, keepdims=True) - codes
        return distances

    def registers(self, values: Sequence[int]) -> dict[str, int]:
        return row_fields(values)
