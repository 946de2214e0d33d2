"""Runs an accumulate step: which path its sums take, and what they go on from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from npusim.datapath.model import Datapath
from npusim.kernels.geometry import Geometry
from npusim.kernels.packed import Nest, pack
from npusim.kernels.resume import resume_fast, resume_ordered, resume_wrapped
from npusim.steps.accumulate import AccumulateStep
from npusim.steps.base import Array, Executor, TensorType
from npusim.steps.executors.mac import choose_path, record
from npusim.steps.mac_array import MacOperation
from npusim.steps.probe import AccumulatorRecord, Path, PathDecision, Probe, StatisticsMode

_TILE_VALUES = 1 << 15
"""Accumulators of one tile."""


class AccumulateExecutor(Executor):
    """A pass, packed and planned."""

    def __init__(
        self, step: AccumulateStep, inputs: Sequence[TensorType], output: TensorType, datapath: Datapath
    ) -> None:
        self._step, self._output, self._datapath = step, output, datapath
        x = inputs[0]
        depthwise = step.operation is MacOperation.DEPTHWISE_CONV2D
        self._x_shape, made = step.image(x.shape), step.image(output.shape)
        self._geometry = Geometry(
            kernel=step.kernel,
            out=(made[0], made[1]),
            stride=step.stride,
            dilation=step.dilation,
            pad_before=(step.padding[0][0], step.padding[1][0]),
        )
        weights = step.all_weights.reshape(step.outputs, *step.kernel, -1)
        self._packed = pack(
            weights.astype(datapath.weight.dtype),
            x.dtype,
            nest=Nest.DEPTHWISE if depthwise else Nest.CONV2D,
            groups=self._x_shape[2] if depthwise else step.groups,
            x_zero=step.taken_off(datapath),
            weight_zero=step.weight_zero,
            pad_code=step.x_zero,
        )
        sums, reachable = step.product_sums(x, datapath), step.reach(inputs, datapath)
        self._decisions = {mode: choose_path(sums, reachable, datapath, mode) for mode in StatisticsMode}

    def decision(self, mode: StatisticsMode) -> PathDecision:
        return self._decisions[mode]

    def run(self, inputs: Sequence[Array], probe: Probe) -> Array:
        x = np.ascontiguousarray(inputs[0]).reshape(self._x_shape)
        pixels, channels = self._geometry.pixels, self._step.outputs
        out = np.empty((pixels, channels), self._output.dtype)
        tile = max(1, _TILE_VALUES // channels)
        for start in range(0, pixels, tile):
            rows = range(start, min(start + tile, pixels))
            out[start : rows.stop] = self._accumulate(x, self._partial(inputs, rows), rows, probe)
        result = out.reshape(self._output.shape)
        probe.tap("accumulator", result.astype(np.int64))
        probe.tap("output", result)
        return result

    def _partial(self, inputs: Sequence[Array], rows: range) -> npt.NDArray[np.int64]:
        channels = self._step.outputs
        if not self._step.resumes:
            return np.zeros((len(rows), channels), np.int64)
        part = inputs[1].reshape(-1, channels)[rows.start : rows.stop]
        return part.astype(np.int64) << self._step.shift

    def _accumulate(self, x: Array, partial: npt.NDArray[np.int64], rows: range, probe: Probe) -> Array:
        path = self._decisions[probe.mode].path
        mac = self._datapath.mac
        parts = (x, self._packed, self._step.bias, self._geometry, partial, rows)
        if path in {Path.FAST_32, Path.FAST_64}:
            sums = resume_fast(*parts, np.int32 if path is Path.FAST_32 else np.int64)
            if probe.counting:
                probe.see(AccumulatorRecord(int(sums.min()), int(sums.max())))
            return sums
        if path is Path.WRAPPED:
            values, seen = resume_wrapped(*parts, mac.accumulator.register)
        else:
            values, seen = resume_ordered(*parts, mac.column, mac.lanes)
        if probe.counting:
            probe.see(record(seen, probe.image))
        return values
