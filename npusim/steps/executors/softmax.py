"""Runs a softmax step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from npusim.datapath.model import Datapath
from npusim.spec.softmax import EXTRA_SHIFT, RECIPROCAL, Row
from npusim.steps.base import Array, Executor, TensorType
from npusim.steps.executors.rescaler import Rescaler
from npusim.steps.pipelines import operand_prefix
from npusim.steps.probe import Probe
from npusim.steps.softmax import SoftmaxStep


class SoftmaxExecutor(Executor):
    """A softmax step: rows of codes."""

    def __init__(self, step: SoftmaxStep, output: TensorType, datapath: Datapath) -> None:
        self._step, self._output = step, output
        self._operand = Rescaler(
            step.operand_stages(datapath), step.fields, output.shape[-1], operand_prefix(0)
        )
        self._result = step.result_stages(datapath)

    def run(self, inputs: Sequence[Array], probe: Probe) -> Array:
        shape = self._output.shape
        codes = inputs[0].reshape(-1, shape[-1]).astype(np.int64)
        distances = codes.max(axis=1, keepdims=True) - codes
        self._operand.tap(distances, probe, shape)
        exponentials = self._operand.values(distances, probe)
        # Registers belong to channels: a row's own are those of a channel once rows are columns.
        columns = np.ascontiguousarray(exponentials.T)
        rescaler = self._rescaler([Row.of([int(value) for value in row]) for row in exponentials])
        for point, values in rescaler.stage_values(columns, probe.wanted):
            probe.tap(point, values.T.reshape(shape))
        depth, count = (int(size) for size in columns.shape)

        def position(index: int) -> int:
            column, row = divmod(index, count)
            return row * depth + column

        made = rescaler.codes(columns, self._output.dtype, probe, position=position)
        result: Array = np.ascontiguousarray(made.T).reshape(shape)
        probe.tap("output", result)
        return result

    def _rescaler(self, rows: Sequence[Row]) -> Rescaler:
        filled = {
            RECIPROCAL: np.array([row.reciprocal for row in rows], np.int64),
            EXTRA_SHIFT: np.array([row.shift for row in rows], np.int64),
        }
        return Rescaler(self._result, {**self._step.fields, **filled}, len(rows))
