"""Runs minimum and maximum steps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from npusim.datapath.model import Datapath
from npusim.spec.elementwise import Choice
from npusim.steps.base import Array, Executor, TensorType
from npusim.steps.executors.rescaler import Rescaler
from npusim.steps.extreme import ExtremeStep
from npusim.steps.pipelines import operand_prefix
from npusim.steps.probe import Probe

_CHOOSE = {Choice.MINIMUM: np.minimum, Choice.MAXIMUM: np.maximum}


class ExtremeExecutor(Executor):
    """The operands' pipelines and the choice."""

    def __init__(
        self, step: ExtremeStep, inputs: Sequence[TensorType], output: TensorType, datapath: Datapath
    ) -> None:
        self._choice, self._dtype = step.choice, output.dtype
        self._operands: list[Rescaler | None] = []
        for index, (x, fields) in enumerate(zip(inputs, step.operand_fields, strict=True)):
            rescaler = None
            if fields is not None:
                flagged = {**fields, "activation": int(step.activation.bounds)}
                rescaler = Rescaler(step.stages(datapath), flagged, x.shape[-1], operand_prefix(index))
            self._operands.append(rescaler)

    def run(self, inputs: Sequence[Array], probe: Probe) -> Array:
        a, b = (self._aligned(x, rescaler, probe) for x, rescaler in zip(inputs, self._operands, strict=True))
        result: Array = _CHOOSE[self._choice](a, b)
        probe.tap("output", result)
        return result

    def _aligned(self, x: Array, rescaler: Rescaler | None, probe: Probe) -> Array:
        if rescaler is None:
            return x
        rows = x.reshape(-1, x.shape[-1])
        rescaler.tap(rows, probe, x.shape)
        return rescaler.codes(rows, self._dtype, probe).reshape(x.shape)
