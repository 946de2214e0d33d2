"""Runs a digit step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from npusim.steps.base import Array, Executor, TensorType
from npusim.steps.digit import DigitStep
from npusim.steps.probe import Probe


class DigitExecutor(Executor):
    """Shift, mask, and take off half of the range; the highest digit keeps its sign instead."""

    def __init__(self, step: DigitStep, x: TensorType, output: TensorType) -> None:
        self._shift, self._dtype = step.shift, output.dtype
        self._half = 0 if step.shift + step.bits >= x.bits else 1 << (step.bits - 1)
        self._mask = (1 << step.bits) - 1 if self._half else -1

    def run(self, inputs: Sequence[Array], probe: Probe) -> Array:
        digits = ((inputs[0].astype(np.int32) >> self._shift) & self._mask) - self._half
        result: Array = digits.astype(self._dtype)
        probe.tap("output", result)
        return result
