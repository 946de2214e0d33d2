"""Runs a concat step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from npusim.datapath.model import Datapath
from npusim.steps.base import Array, Executor, TensorType
from npusim.steps.concat import ConcatStep
from npusim.steps.executors.rescaler import Rescaler
from npusim.steps.pipelines import operand_prefix
from npusim.steps.probe import Probe


@dataclass(frozen=True)
class _Operand:
    """One input: its pipeline (None: a copy), and where it lies in the output.

    Every `length` values of it stand in a row, `offset` values into each `total` of the output.
    """

    rescaler: Rescaler | None
    length: int
    offset: int
    total: int

    def position(self, index: int) -> int:
        row, column = divmod(index, self.length)
        return row * self.total + self.offset + column

    def codes(self, x: Array, dtype: np.dtype[np.generic], probe: Probe) -> Array:
        if self.rescaler is None:
            return x
        rows = x.reshape(-1, x.shape[-1])
        self.rescaler.tap(rows, probe, x.shape)
        return self.rescaler.codes(rows, dtype, probe, position=self.position).reshape(x.shape)


class ConcatExecutor(Executor):
    """A concat step's inputs."""

    def __init__(
        self, step: ConcatStep, inputs: Sequence[TensorType], output: TensorType, datapath: Datapath
    ) -> None:
        self._axis, self._dtype = step.axis % len(output.shape), output.dtype
        self._operands: list[_Operand] = []
        total, offset = prod(output.shape[self._axis :]), 0
        for index, (x, fields) in enumerate(zip(inputs, step.operand_fields, strict=True)):
            rescaler = None
            if fields is not None:
                stages = step.stages(datapath)
                rescaler = Rescaler(stages, fields, x.shape[-1], operand_prefix(index))
            length = prod(x.shape[self._axis :])
            self._operands.append(_Operand(rescaler, length, offset, total))
            offset += length

    def run(self, inputs: Sequence[Array], probe: Probe) -> Array:
        parts = [
            operand.codes(x, self._dtype, probe) for x, operand in zip(inputs, self._operands, strict=True)
        ]
        result = np.concatenate(parts, axis=self._axis)
        probe.tap("output", result)
        return result
