"""Runs an average_pool step."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from npusim.datapath.model import Datapath
from npusim.geometry import image_shape
from npusim.kernels.direct.protocol import Direct
from npusim.kernels.geometry import Geometry
from npusim.kernels.packed import Nest, pack
from npusim.kernels.pool import average_sums
from npusim.kernels.tiled.depthwise import TiledDepthwise, tiled_depthwise
from npusim.kernels.tiled.quotient import product_plan
from npusim.kernels.valued import CountingAverages, values_of
from npusim.steps.average_pool import AveragePoolStep
from npusim.steps.base import Array, Executor, TensorType
from npusim.steps.executors.counting import Counted, counted, counted_kinds
from npusim.steps.executors.rescaler import Rescaler
from npusim.steps.pool_windows import window_counts
from npusim.steps.probe import AccumulatorRecord, Path, PathDecision, Probe, StatisticsMode

Words = npt.NDArray[np.int64]


class AveragePoolExecutor(Executor):
    """An average_pool step: its windows, and a pipeline for each window size."""

    def __init__(self, step: AveragePoolStep, x: TensorType, output: TensorType, datapath: Datapath) -> None:
        self._step, self._x, self._output = step, x, output
        self._datapath = datapath
        rows, columns, channels = image_shape(x.shape)
        counts = window_counts((rows, columns), step.kernel, step.stride, step.padding, step.count_padding)
        self._geometry = Geometry(
            kernel=step.kernel,
            out=(counts.shape[0], counts.shape[1]),
            stride=step.stride,
            pad_before=(step.padding[0][0], step.padding[1][0]),
        )
        self._groups = [
            (
                np.flatnonzero(counts == count),
                Rescaler(step.stages(datapath), step.fields_of(index), channels),
            )
            for index, count in enumerate(step.counts)
        ]
        self._decision = PathDecision(
            Path.FAST_64,
            step.reachable(x),
            f"every partial sum lies in {step.reachable(x)}, inside {datapath.mac.accumulator.register}",
        )

    def decision(self, mode: StatisticsMode) -> PathDecision:
        return self._decision

    def direct(self) -> Direct | None:
        return self._tiled

    def counted(self) -> Counted | None:
        if self._tiled is None:
            return None
        rescaler = self._groups[0][1]
        return counted(self._tiled, rescaler, self._reach, accumulates=True) or self._counted_by_values()

    def _counted_by_values(self) -> Counted | None:
        """For pipelines that divide."""
        rescaler = self._groups[0][1]
        values = values_of(rescaler.plan, self._reach)
        if self._tiled is None or values is None:
            return None
        shape, codes = image_shape(self._x.shape), self._x.dtype
        direct = CountingAverages(self._tiled, self._geometry, shape, codes, self._step.x_zero, values)
        return counted_kinds(direct, [(rescaler, values.kinds)], [rescaler], accumulates=True)

    @property
    def _reach(self) -> int:
        """The greatest magnitude of a sum."""
        return max(-self._decision.reachable.low, self._decision.reachable.high)

    @cached_property
    def _tiled(self) -> TiledDepthwise | None:
        step, most = self._step, self._reach
        if len(self._groups) != 1:
            return None
        rows, columns, channels = image_shape(self._x.shape)
        plan = product_plan(step.stages(self._datapath), step.fields_of(0), channels, most)
        ones = np.ones((channels, *step.kernel, 1), np.int8)
        zero, nothing = step.x_zero, np.zeros(channels, np.int64)
        # Padding never adds: its codes are the zero point that is taken off each of them.
        packed = pack(ones, self._x.dtype, nest=Nest.DEPTHWISE, groups=channels, x_zero=zero, pad_code=zero)
        codes = self._output.dtype
        return tiled_depthwise(packed, nothing, self._geometry, (rows, columns), plan, most, codes)

    def run(self, inputs: Sequence[Array], probe: Probe) -> Array:
        sums, _ = average_sums(inputs[0], self._geometry, self._step.x_zero)
        probe.tap("accumulator", sums.reshape(self._output.shape))
        if probe.counting:
            prefixes = 0 if probe.mode is StatisticsMode.PREFIX else None
            probe.see(AccumulatorRecord(int(sums.min()), int(sums.max()), prefix_overflows=prefixes))
        self._tap_stages(sums, probe)
        result = self._codes(sums, probe).reshape(self._output.shape)
        probe.tap("output", result)
        return result

    def _codes(self, sums: Words, probe: Probe) -> Array:
        channels: int = sums.shape[1]
        made = np.empty(sums.shape, self._output.dtype)
        for windows, rescaler in self._groups:

            def position(index: int, windows: Words = windows) -> int:
                row, column = divmod(index, channels)
                return int(windows[row]) * channels + column

            made[windows] = rescaler.codes(sums[windows], made.dtype, probe, position=position)
        return made

    def _tap_stages(self, sums: Words, probe: Probe) -> None:
        found: dict[str, Words] = {}
        for windows, rescaler in self._groups:
            for point, values in rescaler.stage_values(sums[windows], probe.wanted):
                found.setdefault(point, np.empty(sums.shape, np.int64))[windows] = values
        for point, values in found.items():
            probe.tap(point, values.reshape(self._output.shape))
