"""Runs add, sub and mul steps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from npusim.datapath.model import Datapath
from npusim.spec.elementwise import Combination
from npusim.steps.base import Array, Executor, TensorType
from npusim.steps.binary import BinaryStep
from npusim.steps.executors.rescaler import Rescaler
from npusim.steps.pipelines import operand_prefix
from npusim.steps.probe import Probe


_COMBINE = {
    Combination.SUM: np.add,
    Combination.DIFFERENCE: np.subtract,
    Combination.PRODUCT: np.multiply,
}
"""On int64, exactly: the datapath's widths prove that every combination fits (A2)."""


class BinaryExecutor(Executor):
    """An elementwise step's three pipelines."""

    def __init__(
        self, step: BinaryStep, inputs: Sequence[TensorType], output: TensorType, datapath: Datapath
    ) -> None:
        self._output = output
        self._shapes = [x.shape for x in inputs]
        self._combination = step.combination
        channels = output.shape[-1]
        stages = step.operand_stages(datapath)
        self._operands = [
            Rescaler(stages, fields, x.shape[-1], operand_prefix(index))
            for index, (x, fields) in enumerate(zip(inputs, step.operand_fields, strict=True))
        ]
        fields = {**step.fields, "activation": int(step.activation.bounds)}
        self._result = Rescaler(step.result_stages(datapath), fields, channels)

    def run(self, inputs: Sequence[Array], probe: Probe) -> Array:
        values = []
        for codes, shape, operand in zip(inputs, self._shapes, self._operands, strict=True):
            rows = codes.reshape(-1, shape[-1])
            operand.tap(rows, probe, shape)
            values.append(operand.values(rows, probe).reshape(shape))
        combined = _COMBINE[self._combination](*values)
        probe.tap(self._combination.value, combined)
        shape = self._output.shape
        rows = combined.reshape(-1, shape[-1])
        self._result.tap(rows, probe, shape)
        result = self._result.codes(rows, self._output.dtype, probe).reshape(shape)
        probe.tap("output", result)
        return result
