"""Runs a concat step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod

import numpy as np

from npusim.datapath.model import Datapath
from npusim.kernels.concat import CountingConcat, DirectConcat, Operand
from npusim.kernels.direct.protocol import Direct
from npusim.kernels.members import Rows, members_of
from npusim.steps.base import Array, Executor, TensorType
from npusim.steps.concat import ConcatStep
from npusim.steps.executors.counting import Counted, counted_kinds
from npusim.steps.executors.rescaler import Rescaler
from npusim.steps.pipelines import operand_prefix
from npusim.steps.probe import Probe

_TABLE_BITS = 8


@dataclass(frozen=True)
class _Operand:
    """One input: its pipeline (None: a copy), and where it lies in the output.

    Every `length` of its `size` values stand in a row, `offset` values into each `total` of the output.
    """

    rescaler: Rescaler | None
    length: int
    offset: int
    total: int
    size: int

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
        self._inputs = tuple(inputs)
        total, offset = prod(output.shape[self._axis :]), 0
        for index, (x, fields) in enumerate(zip(inputs, step.operand_fields, strict=True)):
            rescaler = None
            if fields is not None:
                stages = step.stages(datapath)
                rescaler = Rescaler(stages, fields, x.shape[-1], operand_prefix(index))
            length = prod(x.shape[self._axis :])
            self._operands.append(_Operand(rescaler, length, offset, total, prod(x.shape)))
            offset += length

    def direct(self) -> Direct | None:
        return self._concat

    def counted(self) -> Counted | None:
        if self._concat is None:
            return None
        told = [
            (own.rescaler, operand.members.kinds)
            for own, operand in zip(self._operands, self._concat.operands, strict=True)
            if own.rescaler is not None and operand.members is not None
        ]
        return counted_kinds(CountingConcat(self._concat), told, [rescaler for rescaler, _ in told])

    @cached_property
    def _concat(self) -> DirectConcat | None:
        found = [self._direct_operand(index) for index in range(len(self._operands))]
        operands = [operand for operand in found if operand is not None]
        return DirectConcat(operands) if len(operands) == len(found) else None

    def _direct_operand(self, index: int) -> Operand | None:
        own, x = self._operands[index], self._inputs[index]
        if own.rescaler is None:
            width = x.dtype.itemsize
            rows = Rows(width * own.length, width * own.offset, width * own.total)
            return Operand(width * own.size, rows) if x.dtype == self._dtype else None
        narrow = x.bits == _TABLE_BITS and self._dtype.itemsize == 1
        members = members_of(own.rescaler.plan, x.dtype) if narrow else None
        if members is None:
            return None
        rows = Rows(own.length, own.offset, own.total)
        return Operand(own.size, rows, own.rescaler.by_byte(x.dtype, self._dtype), members)

    def run(self, inputs: Sequence[Array], probe: Probe) -> Array:
        parts = [
            operand.codes(x, self._dtype, probe) for x, operand in zip(inputs, self._operands, strict=True)
        ]
        result = np.concatenate(parts, axis=self._axis)
        probe.tap("output", result)
        return result
