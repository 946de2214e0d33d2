"""Runs a matmul step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from npusim.datapath.model import Datapath
from npusim.errors import InputError
from npusim.spec.interval import Interval
from npusim.spec.width import Overflow, Width
from npusim.steps.base import Array, Executor, TensorType
from npusim.steps.executors.rescaler import Rescaler
from npusim.steps.matmul import MatmulStep
from npusim.steps.pipelines import operand_prefix
from npusim.steps.probe import AccumulatorRecord, Path, PathDecision, Probe, StatisticsMode

Words = npt.NDArray[np.int64]

_FLOAT_EXACT = 1 << 53
"""Sums of integers below this are exact in float64, in any order: numpy multiplies those faster."""


def decide_path(
    step: MatmulStep, inputs: Sequence[TensorType], datapath: Datapath, mode: StatisticsMode
) -> PathDecision:
    """A5: exact sums where no order of the products can leave accumulator and tree; else block by block.

    Raises
    ------
    InputError
        If sums can leave 64 bits.
    """
    block, sums = step.reachable([x.codes.interval for x in inputs], inputs[0].shape[-1], datapath)
    register, tree = datapath.mac.accumulator.register, datapath.mac.tree
    if sums.bits > Width(64).bits - 1:
        raise InputError("sums can leave 63 bits: they are not computed", key="inputs", found=str(sums))
    if mode is StatisticsMode.PREFIX:
        return PathDecision(Path.ORDERED, sums, "prefix overflows are to be counted")
    tree_holds = tree is None or block.within(Interval.of(Width(tree.bits)))
    if tree_holds and sums.within(Interval.of(register)):
        reason = f"in any order every prefix lies in {sums}: {sums.bits} of {register.bits} bits"
        return PathDecision(Path.FAST_64, sums, reason)
    where = f"{register.bits} bits" if tree_holds else "the adder tree"
    return PathDecision(Path.ORDERED, sums, f"sums can reach {sums}, beyond {where}: order matters")


class MatmulExecutor(Executor):
    """A matmul step's pipelines, and the path its accumulators take."""

    def __init__(
        self, step: MatmulStep, inputs: Sequence[TensorType], output: TensorType, datapath: Datapath
    ) -> None:
        self._output, self._mac = output, datapath.mac
        stages = step.operand_stages(datapath)
        self._operands = [
            Rescaler(stages, fields, x.shape[-1], operand_prefix(index))
            for index, (x, fields) in enumerate(zip(inputs, step.operand_fields, strict=True))
        ]
        fields = {**step.fields, "activation": int(step.activation.bounds)}
        self._decisions = {mode: decide_path(step, inputs, datapath, mode) for mode in StatisticsMode}
        decision = self._decisions[StatisticsMode.OFF]
        ordered = decision.path is Path.ORDERED
        held = Interval.of(datapath.mac.accumulator.register) if ordered else decision.reachable
        reach = max(-held.low, held.high)
        self._result = Rescaler(step.result_stages(datapath), fields, output.shape[-1], reach=reach)

    def decision(self, mode: StatisticsMode) -> PathDecision:
        return self._decisions[mode]

    def run(self, inputs: Sequence[Array], probe: Probe) -> Array:
        a, b = (self._aligned(x, operand, probe) for x, operand in zip(inputs, self._operands, strict=True))
        sums = self._accumulate(a, b, probe)
        probe.tap("accumulator", sums)
        shape = self._output.shape
        rows = sums.reshape(-1, shape[-1])
        self._result.tap(rows, probe, shape)
        result = self._result.codes(rows, self._output.dtype, probe).reshape(shape)
        probe.tap("output", result)
        return result

    @staticmethod
    def _aligned(x: Array, operand: Rescaler, probe: Probe) -> Words:
        rows = x.reshape(-1, x.shape[-1])
        operand.tap(rows, probe, x.shape)
        return operand.values(rows, probe).reshape(x.shape)

    def _accumulate(self, a: Words, b: Words, probe: Probe) -> Words:
        decision = self._decisions[probe.mode]
        if decision.path is Path.ORDERED:
            return self._ordered(a, b, probe)
        sums = _product(a, b, decision.reachable)
        if probe.counting:
            probe.see(AccumulatorRecord(int(sums.min()), int(sums.max())))
        return sums

    def _ordered(self, a: Words, b: Words, probe: Probe) -> Words:
        """Block by block, as the spec's column adds its beats."""
        column, reachable = self._mac.column, self._decisions[probe.mode].reachable
        sums = np.zeros(self._output.shape, np.int64)
        exact, seen = sums, np.zeros(sums.shape, np.int64)
        lowest = highest = 0
        for start in range(0, a.shape[-1], self._mac.lanes):
            block = slice(start, start + self._mac.lanes)
            beat = _product(a[..., block], b[..., block, :], reachable)
            exact = exact + beat
            lost = np.zeros(sums.shape, np.bool_)
            if column.tree is not None:
                beat, lost = _into(beat, column.tree, column.tree_overflow)
            sums, overflowed = _into(sums + beat, column.accumulator, column.overflow)
            seen += lost | overflowed
            lowest, highest = min(lowest, int(sums.min())), max(highest, int(sums.max()))
        if probe.counting:
            register = column.accumulator
            final = (exact < register.low) | (exact > register.high)
            happened = np.flatnonzero(final | (seen > 0))
            first = (probe.image, int(happened[0])) if happened.size else None
            probe.see(AccumulatorRecord(lowest, highest, int(final.sum()), int(seen.sum()), first))
        return sums


def _product(a: Words, b: Words, reachable: Interval) -> Words:
    if max(-reachable.low, reachable.high) < _FLOAT_EXACT:
        made: Words = np.matmul(a.astype(np.float64), b.astype(np.float64)).astype(np.int64)
        return made
    whole: Words = np.matmul(a, b)
    return whole


def _into(values: Words, register: Width, rule: Overflow) -> tuple[Words, npt.NDArray[np.bool_]]:
    """`spec.width.into` for arrays: the values a register holds, and which did not fit."""
    outside = (values < register.low) | (values > register.high)
    if rule is Overflow.SATURATE:
        return np.clip(values, register.low, register.high), outside
    spare = 64 - register.bits
    return (values << spare) >> spare, outside
