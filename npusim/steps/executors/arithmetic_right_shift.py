"""Runs an arithmetic_right_shift step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from npusim.kernels.elementwise import widen
from npusim.steps.arithmetic_right_shift import ArithmeticRightShiftStep
from npusim.steps.base import Array, Executor, TensorType
from npusim.steps.executors.rescaler import Rescaler
from npusim.steps.probe import Probe


class ArithmeticRightShiftExecutor(Executor):
    """Registers belong to channels: a value's own are those of a channel once the tensor is one row."""

    def __init__(self, step: ArithmeticRightShiftStep, output: TensorType) -> None:
        self._stages, self._output = step.stages, output

    def run(self, inputs: Sequence[Array], probe: Probe) -> Array:
        shape = self._output.shape
        values, bits = (np.broadcast_to(widen(x), shape).reshape(1, -1) for x in inputs)
        rescaler = Rescaler(self._stages, {"bits": np.maximum(bits[0], 0)}, bits.size)
        rescaler.tap(values, probe, shape)
        result = rescaler.codes(values, self._output.dtype, probe).reshape(shape)
        probe.tap("output", result)
        return result
