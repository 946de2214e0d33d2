"""Runs a resize_bilinear step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from npusim.datapath.model import Datapath
from npusim.datapath.operations import RESIZE_WEIGHT
from npusim.geometry import image_shape
from npusim.steps.base import Array, Executor, TensorType
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
        codes = x.codes.interval
        reach = self._one**2 * max(-codes.low, codes.high)
        self._rescaler = Rescaler(step.stages(datapath), step.fields, channels, reach=reach)

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
