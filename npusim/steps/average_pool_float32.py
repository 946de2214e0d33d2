"""The average_pool_float32 step: averages of windows in single precision (A.average_float32)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from npusim.arity import only
from npusim.datapath.model import Datapath
from npusim.errors import InputError
from npusim.geometry import image_shape
from npusim.model import Pads, Pair
from npusim.steps.base import Array, Executor, Step, TensorType, require_activations
from npusim.steps.pool_windows import pixels_inside, window_counts
from npusim.steps.probe import Probe

_LEAST, _INFINITE = 0x00800000, 0x7F800000

ScaleBits = Annotated[int, Field(ge=_LEAST, lt=_INFINITE)]
"""The bits of a float32: positive, normal and finite."""


class AveragePoolFloat32Step(Step):
    """Codes dequantized, added row by row, divided by their number and quantized: all in float32.

    Attributes
    ----------
    count_padding
        Whether padding counts in a window's size. It never adds to its sum.
    x_scale, y_scale
        As the bits of float32 numbers.
    y_zero
        Added in float32 as well.
    lift
        Taken off at the end, in integers.
    """

    kind: ClassVar[str] = "average_pool_float32"

    step: Literal["average_pool_float32"] = "average_pool_float32"
    kernel: Pair
    stride: Pair = (1, 1)
    padding: Pads = ((0, 0), (0, 0))
    count_padding: bool = False
    x_scale: ScaleBits
    x_zero: int
    y_scale: ScaleBits
    y_zero: int
    lift: Annotated[int, Field(ge=0, le=255)] = 0

    def output_type(self, inputs: Sequence[TensorType], datapath: Datapath) -> TensorType:
        x = only(inputs)
        rows, columns, channels = image_shape(x.shape)
        size = pixels_inside((rows, columns), self.kernel, self.stride, self.padding).shape
        return x.replace(shape=(size[0], size[1], channels))

    def check(self, inputs: Sequence[TensorType], datapath: Datapath) -> None:
        require_activations(inputs, datapath)
        codes = inputs[0].codes.interval
        for key, zero in (("x_zero", self.x_zero), ("y_zero", self.y_zero - self.lift)):
            if zero not in codes:
                raise InputError("no code", key=key, found=zero, allowed=str(codes))

    def prepare(self, inputs: Sequence[TensorType], output: TensorType, datapath: Datapath) -> Executor:
        return _AveragePoolFloat32Executor(self, inputs[0], output)


class _AveragePoolFloat32Executor(Executor):
    def __init__(self, step: AveragePoolFloat32Step, x: TensorType, output: TensorType) -> None:
        self._step, self._output = step, output
        rows, columns, _ = image_shape(x.shape)
        counts = window_counts((rows, columns), step.kernel, step.stride, step.padding, step.count_padding)
        self._counts = counts.astype(np.float32)[:, :, np.newaxis]
        self._scales = np.array([step.x_scale, step.y_scale], np.uint32).view(np.float32)
        self._limits = output.codes.interval

    def run(self, inputs: Sequence[Array], probe: Probe) -> Array:
        step, (rows, columns, _) = self._step, self._output.shape
        real = (inputs[0].astype(np.int64) - step.x_zero).astype(np.float32) * self._scales[0]
        # Zeros around the image leave every sum as it is.
        padded = np.pad(real, (*step.padding, (0, 0)))
        total = np.zeros(self._output.shape, np.float32)
        down, right = step.stride
        for y in range(step.kernel[0]):
            for x in range(step.kernel[1]):
                total += padded[y : y + rows * down : down, x : x + columns * right : right][:rows, :columns]
        with np.errstate(over="ignore"):
            units = total / self._counts / self._scales[1] + np.float32(step.y_zero)
        low, high = (end + step.lift for end in (self._limits.low, self._limits.high))
        codes = np.rint(np.clip(units, low, high)).astype(np.int64)
        result: Array = (codes - step.lift).astype(self._output.dtype)
        probe.tap("output", result)
        return result
