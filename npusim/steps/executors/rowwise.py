"""Runs steps whose rows fill registers themselves: softmax, l2_normalization."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np
import numpy.typing as npt

from npusim.datapath.model import Datapath
from npusim.kernels.direct.protocol import Direct
from npusim.kernels.softmax import DirectSoftmax, softmax
from npusim.steps.base import Array, Executor, TensorType
from npusim.steps.executors.rescaler import Rescaler
from npusim.steps.pipelines import operand_prefix
from npusim.steps.probe import Probe
from npusim.steps.rowwise import RowwiseStep
from npusim.steps.softmax import SoftmaxStep


class RowwiseExecutor(Executor):
    """A step's rows of codes."""

    def __init__(self, step: RowwiseStep, output: TensorType, datapath: Datapath) -> None:
        self._step, self._output = step, output
        self._operand = Rescaler(
            step.operand_stages(datapath), step.fields, output.shape[-1], operand_prefix(0)
        )
        self._result = step.result_stages(datapath)

    def direct(self) -> Direct | None:
        if not isinstance(self._step, SoftmaxStep):
            return None
        made = softmax(self._operand.plan.stages, self._result, self._step.fields, self._output.dtype)
        return None if made is None else DirectSoftmax(made, prod(self._output.shape[:-1]))

    def run(self, inputs: Sequence[Array], probe: Probe) -> Array:
        shape = self._output.shape
        entering = self._step.entering(inputs[0].reshape(-1, shape[-1]).astype(np.int64))
        self._operand.tap(entering, probe, shape)
        values = self._operand.values(entering, probe)
        # Registers belong to channels: a row's own are those of a channel once rows are columns.
        columns = np.ascontiguousarray(values.T)
        rescaler = self._rescaler(values)
        for point, tapped in rescaler.stage_values(columns, probe.wanted):
            probe.tap(point, tapped.T.reshape(shape))
        depth, count = (int(size) for size in columns.shape)

        def position(index: int) -> int:
            column, row = divmod(index, count)
            return row * depth + column

        made = rescaler.codes(columns, self._output.dtype, probe, position=position)
        result: Array = np.ascontiguousarray(made.T).reshape(shape)
        probe.tap("output", result)
        return result

    def _rescaler(self, values: npt.NDArray[np.int64]) -> Rescaler:
        rows = [self._step.registers([int(value) for value in row]) for row in values]
        filled = {name: np.array([row[name] for row in rows], np.int64) for name in rows[0]}
        return Rescaler(self._result, {**self._step.fields, **filled}, len(rows))
