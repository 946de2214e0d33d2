"""Runs a clamp step."""

from __future__ import annotations

from collections.abc import Sequence

from npusim.steps.base import Array, Executor, TensorType
from npusim.steps.clamp import ClampStep
from npusim.steps.executors.rescaler import Rescaler
from npusim.steps.probe import Probe


class ClampExecutor(Executor):
    """A clamp step's one stage."""

    def __init__(self, step: ClampStep, output: TensorType) -> None:
        self._output = output
        fields = {"low": step.low, "high": step.high, "activation": int(step.activation.bounds)}
        self._rescaler = Rescaler(step.stages, fields, output.shape[-1])

    def run(self, inputs: Sequence[Array], probe: Probe) -> Array:
        shape = self._output.shape
        rows = inputs[0].reshape(-1, shape[-1])
        self._rescaler.tap(rows, probe, shape)
        result = self._rescaler.codes(rows, self._output.dtype, probe).reshape(shape)
        probe.tap("output", result)
        return result
