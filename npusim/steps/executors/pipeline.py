"""Runs steps that are one pipeline on codes: clamp, table."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from math import prod

import numpy as np

from npusim.kernels.codes import CountingTable, DirectTable
from npusim.kernels.direct.protocol import Direct
from npusim.kernels.members import members_of
from npusim.spec.stages import BaseStage
from npusim.steps.base import Array, Executor, TensorType
from npusim.steps.executors.counting import Counted, counted_kinds
from npusim.steps.executors.rescaler import Rescaler
from npusim.steps.fields import PlainFields
from npusim.steps.probe import Probe

_TABLE_BITS = 8


class PipelineExecutor(Executor):
    """One pipeline from codes to codes."""

    def __init__(
        self, stages: tuple[BaseStage, ...], fields: PlainFields, x: TensorType, output: TensorType
    ) -> None:
        self._x, self._output = x, output
        self._rescaler = Rescaler(stages, fields, output.shape[-1])

    def direct(self) -> Direct | None:
        return self._table

    def counted(self) -> Counted | None:
        if self._table is None:
            return None
        members = members_of(self._rescaler.plan, self._x.dtype)
        if members is None:
            return None
        told = [(self._rescaler, members.kinds)]
        return counted_kinds(CountingTable(self._table, members), told, [self._rescaler])

    @cached_property
    def _table(self) -> DirectTable | None:
        narrow = self._x.bits == _TABLE_BITS and self._output.dtype.itemsize == 1
        if not narrow or np.any(np.ptp(self._rescaler.plan.columns, axis=1)):
            return None
        by_byte = self._rescaler.by_byte(self._x.dtype, self._output.dtype)
        return DirectTable(by_byte, prod(self._output.shape))

    def run(self, inputs: Sequence[Array], probe: Probe) -> Array:
        shape = self._output.shape
        rows = inputs[0].reshape(-1, shape[-1])
        self._rescaler.tap(rows, probe, shape)
        result = self._rescaler.codes(rows, self._output.dtype, probe).reshape(shape)
        probe.tap("output", result)
        return result
