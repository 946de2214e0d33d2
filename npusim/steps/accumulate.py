"""The accumulate step: one pass of the MAC array whose sums stay in the accumulator (A7)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Annotated, ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from npusim.datapath.model import Datapath
from npusim.errors import InputError
from npusim.files.arrays import IntegerArray
from npusim.spec.convolution import ZeroPoint
from npusim.spec.interval import Interval
from npusim.steps.base import Executor, TensorType
from npusim.steps.mac_array import MacArrayStep

_MOST_BITS = 48
"""Of a shifted partial sum: with a bias and products it still fits the machine word."""


class AccumulateStep(MacArrayStep):
    """A convolution, depthwise convolution or dense layer without a rescale.

    Its output is the accumulator itself, in as many bits as any input codes can make it need. With a
    second input it goes on from that partial sum: the accumulator is shifted left, the bias is loaded,
    the products are added. That is how residual orders and digits of wide inputs share one accumulator.

    Attributes
    ----------
    inputs
        Codes, and the partial sums of the pass before, if there is one.
    shift
        How far the accumulator is shifted left before this pass.
    rows
        The output channels that have weights in this pass, ascending; the others take in nothing but
        partial sum and bias. None: all.
    """

    kind: ClassVar[str] = "accumulate"

    step: Literal["accumulate"] = "accumulate"
    shift: Annotated[int, Field(ge=0, le=16)] = 0
    rows: IntegerArray | None = None

    @property
    def all_weights(self) -> npt.NDArray[np.integer]:
        return self._all_weights

    @cached_property
    def _all_weights(self) -> npt.NDArray[np.integer]:
        """With zeros for the channels that have none."""
        if self.rows is None:
            return self.weights
        whole = np.zeros((self.outputs, *self.weights.shape[1:]), self.weights.dtype)
        whole[self.rows] = self.weights
        return whole

    @property
    def resumes(self) -> bool:
        """Whether it goes on from partial sums."""
        return len(self.inputs) > 1

    def taps(self, datapath: Datapath) -> tuple[str, ...]:
        return ("accumulator", "output")

    def output_type(self, inputs: Sequence[TensorType], datapath: Datapath) -> TensorType:
        if not 1 <= len(inputs) <= 2:
            raise InputError("codes and at most one partial sum are read", key="inputs", found=len(inputs))
        self._check_rows()
        shape = self.output_shape(inputs[0])
        if self.resumes and inputs[1].shape != shape:
            raise InputError(
                "the partial sums have another shape",
                key="inputs[1]",
                found=inputs[1].shape,
                allowed=str(shape),
            )
        register = datapath.mac.accumulator.register
        held = self.reach(inputs, datapath)
        tree = datapath.mac.tree
        fits = held.within(Interval.of(register)) and tree is None
        return TensorType(shape=shape, bits=max(held.bits, 2) if fits else register.bits)

    def _check_rows(self) -> None:
        rows = self.rows
        if rows is None:
            return
        known = rows.ndim == 1 and rows.size and rows.min() >= 0 and rows.max() < self.outputs
        if not known or rows.size != len(self.weights) or np.any(np.diff(rows) <= 0):
            raise InputError(
                "names the output channel of each row of weights, ascending",
                key="rows",
                found=rows.tolist(),
                allowed=f"{len(self.weights)} of 0..{self.outputs - 1}",
            )

    def taken_off(self, datapath: Datapath) -> int:
        """What the MAC subtracts from each activation code."""
        return self.x_zero if datapath.mac.zero_point is ZeroPoint.SUBTRACT else 0

    def held(self, inputs: Sequence[TensorType]) -> Interval:
        """What the partial sums can be once they are shifted; 0 without any."""
        if not self.resumes:
            return Interval(0, 0)
        return inputs[1].codes.interval * Interval(1 << self.shift, 1 << self.shift)

    def product_sums(self, x: TensorType, datapath: Datapath) -> Interval:
        """The hull over all channels of every partial sum of products, in any order, of any codes."""
        weights = self.all_weights.reshape(self.outputs, -1).astype(np.int64)
        weights = weights - np.asarray(self.weight_zero, np.int64).reshape(-1, 1)
        codes, zero = x.codes.interval, self.taken_off(datapath)
        ends = np.stack([weights * (codes.low - zero), weights * (codes.high - zero)])
        low, high = np.minimum(ends.min(axis=0), 0), np.maximum(ends.max(axis=0), 0)
        return Interval(int(low.sum(axis=1).min()), int(high.sum(axis=1).max()))

    def reach(self, inputs: Sequence[TensorType], datapath: Datapath) -> Interval:
        """Everything the accumulator can hold at any moment, in any order, of any codes."""
        bias = Interval(min(int(self.bias.min()), 0), max(int(self.bias.max()), 0))
        held = self.held(inputs)
        return held.hull(Interval(0, 0)) + bias + self.product_sums(inputs[0], datapath)

    def check(self, inputs: Sequence[TensorType], datapath: Datapath) -> None:
        found = inputs[0].codes.register
        if found != datapath.operand:
            raise InputError(
                "the multiplier does not read such codes",
                key="inputs[0]",
                found=str(found),
                allowed=str(datapath.operand),
            )
        expansion = datapath.mac.expansion
        if expansion is None:
            raise InputError(
                f"the datapath {datapath.name} does not keep sums between passes",
                key="mac.expansion",
                found="none",
                allowed="mac.expansion: {orders: 2, form: shared_accumulator, max_shift: "
                f"{max(self.shift, 1)}}}",
            )
        self._check_fields(datapath)
        self.check_operands(inputs[0], datapath)
        if not self.resumes:
            if self.shift:
                raise InputError("there is nothing to shift", key="shift", found=self.shift, allowed="0")
            return
        if self.shift > expansion.max_shift:
            raise InputError(
                f"beyond mac.expansion.max_shift of {datapath.name}",
                key="shift",
                found=self.shift,
                allowed=f"0..{expansion.max_shift}",
            )
        if self.held(inputs).bits > _MOST_BITS:
            raise InputError("shifted partial sums are too wide", key="shift", allowed=f"{_MOST_BITS} bits")

    def _check_fields(self, datapath: Datapath) -> None:
        known = {"x_zero", "weight_zero"} & set(datapath.fields)
        for name, value in self.fields.items():
            if name not in known:
                raise InputError(
                    "a pass reads no such field", key=f"fields.{name}", allowed=", ".join(sorted(known))
                )
            limits = datapath.fields[name].interval
            if int(np.min(value)) not in limits or int(np.max(value)) not in limits:
                raise InputError("does not fit its register", key=f"fields.{name}", allowed=str(limits))

    def prepare(self, inputs: Sequence[TensorType], output: TensorType, datapath: Datapath) -> Executor:
        from npusim.steps.executors.accumulate import AccumulateExecutor

        return AccumulateExecutor(self, inputs, output, datapath)
