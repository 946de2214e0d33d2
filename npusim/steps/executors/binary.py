"""Runs add, sub and mul steps."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from math import prod

import numpy as np

from npusim.datapath.model import Datapath
from npusim.kernels.coded import classes_of_pairs
from npusim.kernels.combine import EXACTLY
from npusim.kernels.direct.combine import DirectCombination, direct_combination
from npusim.kernels.direct.protocol import Direct, Elementwise
from npusim.kernels.event_plan import event_plan
from npusim.kernels.members import members_of
from npusim.kernels.plan import Plan
from npusim.kernels.tiled.combine import TiledCombination, tiled_combination
from npusim.kernels.tiled.combine_events import CountingCombination, counting_marks
from npusim.spec.elementwise import Combination
from npusim.steps.base import Array, Executor, TensorType
from npusim.steps.binary import BinaryStep
from npusim.steps.executors.counting import Counted, counted, counted_kinds, counted_pairs
from npusim.steps.executors.rescaler import Rescaler
from npusim.steps.pipelines import operand_prefix
from npusim.steps.probe import Probe

_Elementwise = tuple[
    Combination, tuple[Plan, Plan], Plan, list[np.dtype[np.generic]], np.dtype[np.generic], int
]


class BinaryExecutor(Executor):
    """An elementwise step's three pipelines."""

    def __init__(
        self, step: BinaryStep, inputs: Sequence[TensorType], output: TensorType, datapath: Datapath
    ) -> None:
        self._output = output
        self._shapes = [x.shape for x in inputs]
        self._types = [x.dtype for x in inputs]
        self._combination = step.combination
        channels = output.shape[-1]
        stages = step.operand_stages(datapath)
        self._operands = [
            Rescaler(stages, fields, x.shape[-1], operand_prefix(index))
            for index, (x, fields) in enumerate(zip(inputs, step.operand_fields, strict=True))
        ]
        fields = {**step.fields, "activation": int(step.activation.bounds)}
        self._result = Rescaler(step.result_stages(datapath), fields, channels)

    def direct(self) -> Direct | None:
        return self._one_pass

    @cached_property
    def _one_pass(self) -> Elementwise | None:
        if any(shape != self._output.shape for shape in self._shapes):
            return None
        return tiled_combination(*self._elementwise()) or self._direct

    def counted(self) -> Counted | None:
        found = self._counted_by_sums() or self._counted_by_pairs()
        if found is not None:
            return found
        if self._direct is None:  # otherwise operands are only added to and multiplied: no events
            return None
        before = tuple(point for operand in self._operands for point in operand.points)
        return counted(self._direct, self._result, self._direct.reach, before, accumulates=False)

    def _counted_by_sums(self) -> Counted | None:
        """Operands by their codes, the result by what they combine to."""
        if not isinstance(self._one_pass, TiledCombination):
            return None
        plan = event_plan(self._result.plan, self._one_pass.reach)
        first, second = (
            members_of(operand.plan, codes)
            for operand, codes in zip(self._operands, self._types, strict=True)
        )
        marks = None if plan is None else counting_marks(plan, self._one_pass.rescale)
        if plan is None or marks is None or first is None or second is None:
            return None
        counting = CountingCombination(self._one_pass, marks, len(plan.kinds), (first, second))
        told = (self._result, plan.kinds), *zip(self._operands, (first.kinds, second.kinds), strict=True)
        return counted_kinds(counting, told, (*self._operands, self._result))

    def _counted_by_pairs(self) -> Counted | None:
        if self._one_pass is None or any(codes.itemsize > 1 for codes in self._types):
            return None
        first, second = self._operands
        plans = first.plan, second.plan
        classes = classes_of_pairs(EXACTLY[self._combination], plans, self._result.plan, self._types)
        pipelines = first, second, self._result
        return counted_pairs(self._one_pass, classes, pipelines, prod(self._output.shape))

    @cached_property
    def _direct(self) -> DirectCombination | None:
        if any(shape != self._output.shape for shape in self._shapes):
            return None
        return direct_combination(*self._elementwise())

    def _elementwise(self) -> _Elementwise:
        """What one-pass forms are made of."""
        first, second = (operand.plan for operand in self._operands)
        size, codes = prod(self._output.shape), self._output.dtype
        return self._combination, (first, second), self._result.plan, self._types, codes, size

    def run(self, inputs: Sequence[Array], probe: Probe) -> Array:
        values = []
        for codes, shape, operand in zip(inputs, self._shapes, self._operands, strict=True):
            rows = codes.reshape(-1, shape[-1])
            operand.tap(rows, probe, shape)
            values.append(operand.values(rows, probe).reshape(shape))
        combined = EXACTLY[self._combination](*values)
        probe.tap(self._combination.value, combined)
        shape = self._output.shape
        rows = combined.reshape(-1, shape[-1])
        self._result.tap(rows, probe, shape)
        result = self._result.codes(rows, self._output.dtype, probe).reshape(shape)
        probe.tap("output", result)
        return result
