"""Runs steps that are one pipeline on codes: clamp, table."""

from __future__ import annotations

from collections.abc import Sequence

from npusim.spec.stages import BaseStage
from npusim.steps.base import Array, Executor, TensorType
from npusim.steps.executors.rescaler import Rescaler
from npusim.steps.fields import PlainFields
from npusim.steps.probe import Probe


class PipelineExecutor(Executor):
    """One pipeline from codes to codes."""

    def __init__(self, stages: tuple[BaseStage, ...], fields: PlainFields, output: TensorType) -> None:
        self._output = output
        self._rescaler = Rescaler(stages, fields, output.shape[-1])

    def run(self, inputs: Sequence[Array], probe: Probe) -> Array:
        shape = self._output.shape
        rows = inputs[0].reshape(-1, shape[-1])
        self._rescaler.tap(rows, probe, shape)
        result = self._rescaler.codes(rows, self._output.dtype, probe).reshape(shape)
        probe.tap("output", result)
        return result
