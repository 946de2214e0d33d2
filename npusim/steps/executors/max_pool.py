"""Runs a max_pool step."""

from __future__ import annotations

from collections.abc import Sequence

from npusim.kernels.geometry import Geometry
from npusim.kernels.pool import max_pool
from npusim.steps.base import Array, Executor, TensorType
from npusim.steps.max_pool import MaxPoolStep
from npusim.steps.probe import Probe


class MaxPoolExecutor(Executor):
    """A max_pool step's windows."""

    def __init__(self, step: MaxPoolStep, output: TensorType) -> None:
        self._shape = output.shape
        self._geometry = Geometry(
            kernel=step.kernel,
            out=(output.shape[0], output.shape[1]),
            stride=step.stride,
            pad_before=(step.padding[0][0], step.padding[1][0]),
        )

    def run(self, inputs: Sequence[Array], probe: Probe) -> Array:
        result: Array = max_pool(inputs[0], self._geometry).reshape(self._shape)
        probe.tap("output", result)
        return result
