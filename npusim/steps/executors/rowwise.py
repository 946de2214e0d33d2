"""Runs steps whose rows fill registers themselves: softmax, l2_normalization."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from math import prod

import numpy as np
import numpy.typing as npt

from npusim.datapath.model import Datapath
from npusim.kernels.direct.protocol import Direct
from npusim.kernels.softmax import DirectSoftmax, softmax
from npusim.kernels.softmax_events import KINDS, CountingSoftmax
from npusim.steps.base import Array, Executor, TensorType
from npusim.steps.executors.counting import Counted
from npusim.steps.executors.rescaler import Rescaler
from npusim.steps.pipelines import operand_prefix, stage_points
from npusim.steps.probe import Probe
from npusim.steps.rowwise import RowwiseStep
from npusim.steps.softmax import SoftmaxStep

_BLOCK_VALUES = 1 << 15
"""Values whose registers are laid out at once."""


class RowwiseExecutor(Executor):
    """A step's rows of codes."""

    def __init__(self, step: RowwiseStep, output: TensorType, datapath: Datapath) -> None:
        self._step, self._output = step, output
        self._operand = Rescaler(
            step.operand_stages(datapath), step.fields, output.shape[-1], operand_prefix(0)
        )
        self._result = step.result_stages(datapath)

    def direct(self) -> Direct | None:
        return self._rows

    def counted(self) -> Counted | None:
        if self._rows is None:
            return None
        result = stage_points(self._result)
        kinds = tuple((result[stage], event.value) for stage, event in KINDS)
        points = (*self._operand.points, *result)
        return Counted(CountingSoftmax(self._rows), points, kinds, accumulates=False)

    @cached_property
    def _rows(self) -> DirectSoftmax | None:
        if not isinstance(self._step, SoftmaxStep):
            return None
        made = softmax(self._operand.plan.stages, self._result, self._step.fields, self._output.dtype)
        return None if made is None else DirectSoftmax(made, prod(self._output.shape[:-1]))

    def run(self, inputs: Sequence[Array], probe: Probe) -> Array:
        shape = self._output.shape
        entering = self._step.entering(inputs[0].reshape(-1, shape[-1]).astype(np.int64))
        self._operand.tap(entering, probe, shape)
        values = self._operand.values(entering, probe)
        result = np.empty(values.shape, self._output.dtype)
        taps: dict[str, list[Array]] = {}
        together = max(1, _BLOCK_VALUES // shape[-1])
        for start in range(0, len(values), together):
            rows = values[start : start + together]
            # Registers belong to channels: every value is one, and keeps its place in the output.
            rescaler, flat = self._rescaler(rows), np.ascontiguousarray(rows).reshape(1, -1)
            for point, tapped in rescaler.stage_values(flat, probe.wanted):
                taps.setdefault(point, []).append(tapped.reshape(-1))
            made = rescaler.codes(flat, result.dtype, probe, base_index=start * shape[-1])
            result[start : start + together] = made.reshape(rows.shape)
        for point, parts in taps.items():
            probe.tap(point, np.concatenate(parts).reshape(shape))
        result = result.reshape(shape)
        probe.tap("output", result)
        return result

    def _rescaler(self, values: npt.NDArray[np.int64]) -> Rescaler:
        rows = [self._step.registers([int(value) for value in row]) for row in values]
        filled = {
            name: np.array([row[name] for row in rows], np.int64).repeat(values.shape[1]) for name in rows[0]
        }
        return Rescaler(self._result, {**self._step.fields, **filled}, values.size)
