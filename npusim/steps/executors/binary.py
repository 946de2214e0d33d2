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
from npusim.kernels.plan import Plan
from npusim.kernels.tiled.combine import tiled_combination
from npusim.spec.elementwise import Combination
from npusim.steps.base import Array, Executor, TensorType
from npusim.steps.binary import BinaryStep
from npusim.steps.executors.counting import Counted, counted, counted_codes
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
        if self._one_pass is not None and all(codes.itemsize == 1 for codes in self._types):
            first, second = self._operands
            plans = first.plan, second.plan
            classes = classes_of_pairs(EXACTLY[self._combination], plans, self._result.plan, self._types)
            pipelines = first, second, self._result
            by_code = counted_codes(self._one_pass, classes, pipelines, prod(self._output.shape))
            if by_code is not None:
                return by_code
        if self._direct is None:  # otherwise operands are only added to and multiplied: no events
            return None
        before = tuple(point for operand in self._operands for point in operand.points)
        return counted(self._direct, self._result, self._direct.reach, before, accumulates=False)

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
