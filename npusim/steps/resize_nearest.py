"""The resize_nearest step: pixels copied from given rows and columns (W7)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np

from npusim.arity import only
from npusim.datapath.model import Datapath
from npusim.errors import InputError
from npusim.files.arrays import IntegerVector
from npusim.geometry import image_shape
from npusim.steps.base import Array, Executor, Step, TensorType
from npusim.steps.probe import Probe


class ResizeNearestStep(Step):
    """An image whose pixel (y, x) is the input's pixel ``(rows[y], columns[x])``."""

    kind: ClassVar[str] = "resize_nearest"

    step: Literal["resize_nearest"] = "resize_nearest"
    rows: IntegerVector
    columns: IntegerVector

    def output_type(self, inputs: Sequence[TensorType], datapath: Datapath) -> TensorType:
        x = only(inputs)
        return x.replace(shape=(self.rows.size, self.columns.size, image_shape(x.shape)[2]))

    def check(self, inputs: Sequence[TensorType], datapath: Datapath) -> None:
        height, width, _ = image_shape(inputs[0].shape)
        for key, places, length in (("rows", self.rows, height), ("columns", self.columns, width)):
            if int(places.min()) < 0 or int(places.max()) >= length:
                found = int(places.min()) if int(places.min()) < 0 else int(places.max())
                raise InputError("no such pixel", key=key, found=found, allowed=f"0..{length - 1}")

    def prepare(self, inputs: Sequence[TensorType], output: TensorType, datapath: Datapath) -> Executor:
        return _ResizeNearestExecutor(self)


class _ResizeNearestExecutor(Executor):
    def __init__(self, step: ResizeNearestStep) -> None:
        self._pixels = np.ix_(step.rows, step.columns)

    def run(self, inputs: Sequence[Array], probe: Probe) -> Array:
        result = np.ascontiguousarray(inputs[0][self._pixels])
        probe.tap("output", result)
        return result
