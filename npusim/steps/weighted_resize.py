"""The weighted_resize step: pixels as sums of four others times integer weights, kept exactly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from npusim.arity import only
from npusim.datapath.model import Datapath
from npusim.errors import InputError
from npusim.files.arrays import IntegerArray
from npusim.geometry import image_shape
from npusim.spec.interval import Interval
from npusim.steps.base import Array, Executor, Step, TensorType
from npusim.steps.probe import Probe


class WeightedResizeStep(Step):
    """Along rows, then columns, each new pixel is a weighted sum of two old ones; nothing is rounded.

    Attributes
    ----------
    rows, columns
        (new, 2): the two old ones of each new row or column.
    row_weights, column_weights
        (new, 2): their weights.
    bits
        The output's width.
    """

    kind: ClassVar[str] = "weighted_resize"

    step: Literal["weighted_resize"] = "weighted_resize"
    rows: IntegerArray
    row_weights: IntegerArray
    columns: IntegerArray
    column_weights: IntegerArray
    bits: Annotated[int, Field(ge=2, le=63)]

    def output_type(self, inputs: Sequence[TensorType], datapath: Datapath) -> TensorType:
        shape = (len(self.rows), len(self.columns), image_shape(only(inputs).shape)[2])
        return TensorType(shape=shape, bits=self.bits)

    def check(self, inputs: Sequence[TensorType], datapath: Datapath) -> None:
        height, width, _ = image_shape(inputs[0].shape)
        for key, places, weights, length in (
            ("rows", self.rows, self.row_weights, height),
            ("columns", self.columns, self.column_weights, width),
        ):
            if places.ndim != 2 or places.shape[1] != 2 or places.size == 0:
                raise InputError("two per pixel are wanted", key=key, found=places.shape, allowed="(new, 2)")
            low, high = int(places.min()), int(places.max())
            if low < 0 or high >= length:
                wrong = low if low < 0 else high
                raise InputError("no such pixel", key=key, found=wrong, allowed=f"0..{length - 1}")
            if weights.shape != places.shape:
                raise InputError(
                    "one weight per place is wanted",
                    key=f"{key[:-1]}_weights",
                    found=weights.shape,
                    allowed=str(places.shape),
                )
        reached = self.reach(inputs[0].codes.interval)
        allowed = TensorType(shape=(1,), bits=self.bits).codes.interval
        if not reached.within(allowed):
            found = str(reached)
            raise InputError("sums can leave the output", key="bits", found=found, allowed=str(allowed))

    def reach(self, codes: Interval) -> Interval:
        """All sums, those along rows among them, over all codes."""
        narrow = _weighted(codes, self.column_weights)
        return narrow.hull(_weighted(narrow, self.row_weights))

    def prepare(self, inputs: Sequence[TensorType], output: TensorType, datapath: Datapath) -> Executor:
        return _WeightedResizeExecutor(self, output)


def _weighted(codes: Interval, weights: Array) -> Interval:
    sums = [
        codes * Interval(first, first) + codes * Interval(second, second)
        for first, second in np.unique(weights, axis=0).tolist()
    ]
    return Interval(min(one.low for one in sums), max(one.high for one in sums))


class _WeightedResizeExecutor(Executor):
    def __init__(self, step: WeightedResizeStep, output: TensorType) -> None:
        self._step, self._output = step, output

    def run(self, inputs: Sequence[Array], probe: Probe) -> Array:
        step = self._step
        x = inputs[0].astype(np.int64)
        narrow = (x[:, step.columns] * step.column_weights[..., np.newaxis]).sum(axis=2)
        rows = narrow[step.rows] * step.row_weights[..., np.newaxis, np.newaxis]
        result: Array = rows.sum(axis=1).astype(self._output.dtype)
        probe.tap("output", result)
        return result
