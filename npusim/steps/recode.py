"""The recode step: codes of one kind to codes of another through a table, where tensors change type (A8)."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from npusim.arity import only
from npusim.datapath.model import Datapath
from npusim.errors import InputError
from npusim.files.arrays import IntegerArray
from npusim.spec.interval import Interval
from npusim.spec.width import Width
from npusim.steps.base import Array, Executor, Step, TensorType
from npusim.steps.probe import Probe

if TYPE_CHECKING:  # loading a program loads no kernels
    from npusim.kernels.direct.protocol import Direct
    from npusim.steps.executors.counting import Counted


class RecodeStep(Step):
    """Any function of a code, of any type to any type, for all channels or for each.

    Attributes
    ----------
    bits, signed
        The output's codes.
    table
        (1, codes) or (channels, codes): what each input code becomes, from the lowest code on.
    """

    kind: ClassVar[str] = "recode"

    step: Literal["recode"] = "recode"
    bits: Annotated[int, Field(ge=2, le=16)]
    signed: bool
    table: IntegerArray

    def output_type(self, inputs: Sequence[TensorType], datapath: Datapath) -> TensorType:
        return TensorType(shape=only(inputs).shape, bits=self.bits, signed=self.signed)

    def check(self, inputs: Sequence[TensorType], datapath: Datapath) -> None:
        (x,) = inputs
        if x.bits > 16:
            raise InputError(
                "codes too wide for a table", key="inputs[0]", found=x.bits, allowed="up to 16 bits"
            )
        codes = 1 << x.bits
        if self.table.shape not in {(1, codes), (x.shape[-1], codes)}:
            raise InputError(
                "the table has the wrong shape",
                key="table",
                found=self.table.shape,
                allowed=f"(1, {codes}) or ({x.shape[-1]}, {codes})",
            )
        allowed = Interval.of(Width(self.bits, self.signed))
        for code in (int(self.table.min()), int(self.table.max())):
            if code not in allowed:
                raise InputError("no code of the output", key="table", found=code, allowed=str(allowed))

    def prepare(self, inputs: Sequence[TensorType], output: TensorType, datapath: Datapath) -> Executor:
        return _RecodeExecutor(self, inputs[0], output)


class _RecodeExecutor(Executor):
    def __init__(self, step: RecodeStep, x: TensorType, output: TensorType) -> None:
        self._table = step.table.astype(output.dtype)
        self._lowest = x.codes.interval.low
        self._size = prod(output.shape)
        self._channels = np.arange(x.shape[-1]) if len(step.table) > 1 else np.zeros(x.shape[-1], np.int64)

    def direct(self) -> Direct | None:
        from npusim.kernels.codes import direct_table

        return direct_table(self._table[0], self._lowest, self._size) if len(self._table) == 1 else None

    def counted(self) -> Counted | None:
        from npusim.steps.executors.counting import eventless

        return eventless(self.direct())

    def run(self, inputs: Sequence[Array], probe: Probe) -> Array:
        result: Array = self._table[self._channels, inputs[0].astype(np.int64) - self._lowest]
        probe.tap("output", result)
        return result
