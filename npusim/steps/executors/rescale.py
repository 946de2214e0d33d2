"""Runs a rescale step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from npusim.datapath.model import Datapath
from npusim.steps.base import Array, Executor, TensorType
from npusim.steps.executors.rescaler import Rescaler
from npusim.steps.probe import Probe
from npusim.steps.rescale import RescaleStep


class RescaleExecutor(Executor):
    """Accumulators through one pipeline."""

    def __init__(self, step: RescaleStep, output: TensorType, datapath: Datapath) -> None:
        self._output = output
        fields = {**step.fields, "activation": int(step.activation.bounds)}
        self._rescaler = Rescaler(step.stages(datapath), fields, output.shape[-1])

    def run(self, inputs: Sequence[Array], probe: Probe) -> Array:
        shape = self._output.shape
        rows = inputs[0].reshape(-1, shape[-1]).astype(np.int64)
        self._rescaler.tap(rows, probe, shape)
        result = self._rescaler.codes(rows, self._output.dtype, probe).reshape(shape)
        probe.tap("output", result)
        return result
