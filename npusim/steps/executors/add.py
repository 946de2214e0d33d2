"""Runs an add step."""

from __future__ import annotations

from collections.abc import Sequence

from npusim.datapath.model import Datapath
from npusim.kernels.elementwise import add_exact
from npusim.steps.add import AddStep
from npusim.steps.base import Array, Executor, TensorType
from npusim.steps.executors.rescaler import Rescaler
from npusim.steps.pipelines import operand_prefix
from npusim.steps.probe import Probe


class AddExecutor(Executor):
    """An add step's three pipelines."""

    def __init__(self, step: AddStep, output: TensorType, datapath: Datapath) -> None:
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
        rows = [x.reshape(-1, shape[-1]) for x in inputs]
        for codes, operand in zip(rows, self._operands, strict=True):
            operand.tap(codes, probe, shape)
        a, b = (operand.values(codes, probe) for codes, operand in zip(rows, self._operands, strict=True))
        total = add_exact(a, b)
        probe.tap("sum", total.reshape(shape))
        self._result.tap(total, probe, shape)
        result = self._result.codes(total, self._output.dtype, probe).reshape(shape)
        probe.tap("output", result)
        return result
