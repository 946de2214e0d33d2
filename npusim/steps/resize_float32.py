"""The resize_float32 step: a bilinear resize in single precision (A.resize_float32)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from npusim.arity import only
from npusim.datapath.model import Datapath
from npusim.errors import InputError
from npusim.files.arrays import IntegerVector
from npusim.geometry import image_shape
from npusim.steps.base import Array, Executor, Step, TensorType
from npusim.steps.probe import Probe

if TYPE_CHECKING:  # loading a program loads no kernels
    from npusim.kernels.direct.protocol import Direct
    from npusim.steps.executors.counting import Counted

Singles = npt.NDArray[np.float32]


class ResizeFloat32Step(Step):
    """An image blended in float32 from two rows and two columns of another; its scale stays.

    Attributes
    ----------
    first_rows, second_rows, first_columns, second_columns
        Of each new row (column) the two old ones.
    row_weights, column_weights
        The second one's weight, as the bits of a float32.
    """

    kind: ClassVar[str] = "resize_float32"

    step: Literal["resize_float32"] = "resize_float32"
    first_rows: IntegerVector
    second_rows: IntegerVector
    row_weights: IntegerVector
    first_columns: IntegerVector
    second_columns: IntegerVector
    column_weights: IntegerVector

    def output_type(self, inputs: Sequence[TensorType], datapath: Datapath) -> TensorType:
        x = only(inputs)
        return x.replace(shape=(self.first_rows.size, self.first_columns.size, image_shape(x.shape)[2]))

    def check(self, inputs: Sequence[TensorType], datapath: Datapath) -> None:
        (x,) = inputs
        if x.signed or x.bits > 8:
            found = str(x.codes.register)
            raise InputError("codes of another type", key="inputs[0]", found=found, allowed="u8")
        height, width, _ = image_shape(x.shape)
        self._check_axis("rows", self.first_rows, self.second_rows, self.row_weights, height)
        self._check_axis("columns", self.first_columns, self.second_columns, self.column_weights, width)

    def _check_axis(
        self,
        axis: str,
        first: npt.NDArray[np.int64],
        second: npt.NDArray[np.int64],
        weights: npt.NDArray[np.int64],
        length: int,
    ) -> None:
        for key, places in ((f"first_{axis}", first), (f"second_{axis}", second)):
            low, high = int(places.min()), int(places.max())
            if low < 0 or high >= length:
                found = low if low < 0 else high
                raise InputError("no such pixel", key=key, found=found, allowed=f"0..{length - 1}")
        if not first.shape == second.shape == weights.shape:
            raise InputError("rows or weights are missing", key=f"first_{axis}", found=first.size)
        patterns = weights.astype(np.uint32)
        if np.any(patterns != weights) or not np.all(np.abs(patterns.view(np.float32)) <= 1):
            raise InputError("not the bits of weights from -1 to 1", key=f"{axis[:-1]}_weights")

    def prepare(self, inputs: Sequence[TensorType], output: TensorType, datapath: Datapath) -> Executor:
        return _ResizeFloat32Executor(self, inputs[0], output)


class _ResizeFloat32Executor(Executor):
    def __init__(self, step: ResizeFloat32Step, x: TensorType, output: TensorType) -> None:
        self._step, self._x, self._dtype = step, x, output.dtype
        self._below = _singles(step.row_weights)[:, np.newaxis, np.newaxis]
        self._right = _singles(step.column_weights)[:, np.newaxis]
        self._above, self._left = np.float32(1) - self._below, np.float32(1) - self._right

    def direct(self) -> Direct | None:
        from npusim.kernels.resize import Axis, DirectResize

        if self._x.dtype != np.uint8 or self._dtype != np.uint8:
            return None
        step = self._step
        rows = Axis.of(step.first_rows, step.second_rows, _singles(step.row_weights))
        columns = Axis.of(step.first_columns, step.second_columns, _singles(step.column_weights))
        return DirectResize(rows, columns, image_shape(self._x.shape))

    def counted(self) -> Counted | None:
        from npusim.steps.executors.counting import eventless

        return eventless(self.direct())

    def run(self, inputs: Sequence[Array], probe: Probe) -> Array:
        step, x = self._step, inputs[0].astype(np.float32)
        upper, lower = x[step.first_rows], x[step.second_rows]
        # In the order of the reference: each product and sum is rounded.
        total = upper[:, step.first_columns] * self._above * self._left
        total += lower[:, step.first_columns] * self._below * self._left
        total += upper[:, step.second_columns] * self._above * self._right
        total += lower[:, step.second_columns] * self._below * self._right
        result: Array = (total + np.float32(0.5)).astype(self._dtype)
        probe.tap("output", result)
        return result


def _singles(patterns: npt.NDArray[np.int64]) -> Singles:
    return patterns.astype(np.uint32).view(np.float32)
