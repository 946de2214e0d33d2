"""Runs add_words, sub_words and mul_words steps."""

from __future__ import annotations

from collections.abc import Sequence

from npusim.datapath.model import Datapath
from npusim.kernels.combine import EXACTLY
from npusim.kernels.elementwise import widen
from npusim.steps.base import Array, Executor, TensorType
from npusim.steps.binary_words import BinaryWordsStep
from npusim.steps.executors.rescaler import Rescaler
from npusim.steps.probe import Probe


class BinaryWordsExecutor(Executor):
    """The combination and its pipeline."""

    def __init__(self, step: BinaryWordsStep, output: TensorType, datapath: Datapath) -> None:
        self._output, self._combination = output, step.combination
        self._rescaler = Rescaler(step.stages(datapath), step.fields, output.shape[-1])

    def run(self, inputs: Sequence[Array], probe: Probe) -> Array:
        shape = self._output.shape
        a, b = (widen(x) for x in inputs)
        combined = EXACTLY[self._combination](a, b)
        probe.tap(self._combination.value, combined)
        rows = combined.reshape(-1, shape[-1])
        self._rescaler.tap(rows, probe, shape)
        result = self._rescaler.codes(rows, self._output.dtype, probe).reshape(shape)
        probe.tap("output", result)
        return result
