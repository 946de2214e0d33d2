"""Runs a resize_bilinear step."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from npusim.datapath.model import Datapath
from npusim.datapath.operations import RESIZE_WEIGHT
from npusim.geometry import image_shape
from npusim.kernels.alike import marks_of
from npusim.kernels.blend import Axis, CountingBlend, DirectBlend, direct_blend
from npusim.kernels.direct.protocol import Direct
from npusim.kernels.event_plan import event_plan
from npusim.steps.base import Array, Executor, TensorType
from npusim.steps.executors.counting import Counted, counted_kinds
from npusim.steps.executors.rescaler import Rescaler
from npusim.steps.probe import Probe
from npusim.steps.resize_bilinear import ResizeBilinearStep

Words = npt.NDArray[np.int64]


class ResizeBilinearExecutor(Executor):
    """A resize_bilinear step's pixels and weights."""

    def __init__(
        self, step: ResizeBilinearStep, x: TensorType, output: TensorType, datapath: Datapath
    ) -> None:
        self._step, self._output = step, output
        self._one = 1 << datapath.fields[RESIZE_WEIGHT].bits
        height, width, channels = image_shape(x.shape)
        self._below = np.minimum(step.rows + 1, height - 1)
        self._right = np.minimum(step.columns + 1, width - 1)
        self._x, codes = x, x.codes.interval
        self._reach = self._one**2 * max(-codes.low, codes.high)
        self._rescaler = Rescaler(step.stages(datapath), step.fields, channels, reach=self._reach)

    def direct(self) -> Direct | None:
        return self._blend

    def counted(self) -> Counted | None:
        plan = event_plan(self._rescaler.plan, self._reach)
        marks = None if plan is None else marks_of(plan)
        if self._blend is None or plan is None or marks is None:
            return None
        counting = CountingBlend(self._blend, marks, len(plan.kinds))
        return counted_kinds(counting, [(self._rescaler, plan.kinds)], [self._rescaler])

    @cached_property
    def _blend(self) -> DirectBlend | None:
        step, size = self._step, image_shape(self._x.shape)
        rows = Axis.of(step.rows, self._below, step.row_weights, self._one)
        columns = Axis.of(step.columns, self._right, step.column_weights, self._one)
        types = self._x.dtype, self._output.dtype
        return direct_blend(rows, columns, size, self._rescaler.plan, self._reach, *types)

    def run(self, inputs: Sequence[Array], probe: Probe) -> Array:
        step, shape = self._step, self._output.shape
        x = inputs[0].astype(np.int64)
        # Exact in any order: the datapath's widths prove that blends fit 64 bits (A2).
        narrow = self._mix(x[:, step.columns], x[:, self._right], step.column_weights[:, np.newaxis])
        sums = self._mix(narrow[step.rows], narrow[self._below], step.row_weights[:, np.newaxis, np.newaxis])
        probe.tap("blend", sums)
        rows = sums.reshape(-1, shape[-1])
        self._rescaler.tap(rows, probe, shape)
        result = self._rescaler.codes(rows, self._output.dtype, probe).reshape(shape)
        probe.tap("output", result)
        return result

    def _mix(self, first: Words, second: Words, weight: Words) -> Words:
        return first * (self._one - weight) + second * weight
