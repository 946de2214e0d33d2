"""Runs a sum_orders step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from npusim.datapath.model import Datapath
from npusim.steps.base import Array, Executor, TensorType
from npusim.steps.executors.rescaler import Rescaler, Words
from npusim.steps.pipelines import operand_prefix
from npusim.steps.probe import Probe
from npusim.steps.sum_orders import SumOrdersStep


class SumOrdersExecutor(Executor):
    """A pipeline for each order, and one for their sum."""

    def __init__(
        self, step: SumOrdersStep, inputs: Sequence[TensorType], output: TensorType, datapath: Datapath
    ) -> None:
        self._output = output
        channels = output.shape[-1]
        stages = step.operand_stages(datapath)
        self._operands = [
            Rescaler(stages, fields, channels, operand_prefix(index))
            for index, fields in enumerate(step.operand_fields)
        ]
        fields = {**step.fields, "activation": int(step.activation.bounds)}
        self._result = Rescaler(step.result_stages(datapath), fields, channels)

    def run(self, inputs: Sequence[Array], probe: Probe) -> Array:
        shape = self._output.shape
        total: Words = np.zeros((int(np.prod(shape[:-1])), shape[-1]), np.int64)
        for accumulators, operand in zip(inputs, self._operands, strict=True):
            rows = accumulators.reshape(total.shape).astype(np.int64)
            operand.tap(rows, probe, shape)
            total += operand.values(rows, probe)
        probe.tap("sum", total.reshape(shape).copy())
        self._result.tap(total, probe, shape)
        result = self._result.codes(total, self._output.dtype, probe).reshape(shape)
        probe.tap("output", result)
        return result
