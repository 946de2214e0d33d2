"""A whole program computed by the spec alone: plain integers, one output at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.datapath import Datapath
from npusim.program import Program
from npusim.spec.elementwise import combine
from npusim.spec.expansion import digit, sum_orders
from npusim.spec.pipeline import run
from npusim.spec.pooling import average_sum, maximum
from npusim.spec.stages import BaseStage, Fields
from npusim.steps.accumulate import AccumulateStep
from npusim.steps.average_pool import AveragePoolStep
from npusim.steps.base import Step
from npusim.steps.binary import BinaryStep
from npusim.steps.clamp import ClampStep
from npusim.steps.concat import ConcatStep
from npusim.steps.digit import DigitStep
from npusim.steps.fields import FieldValues
from npusim.steps.interleave import InterleaveStep
from npusim.steps.mac import MacStep
from npusim.steps.max_pool import MaxPoolStep
from npusim.steps.pad import PadStep
from npusim.steps.pool_windows import window_counts
from npusim.steps.rescale import RescaleStep
from npusim.steps.reshape import ReshapeStep
from npusim.steps.sum_orders import SumOrdersStep
from tests.simulator.spec_mac import spec_mac, spec_sums
from tests.steps.windows import inside

Words = npt.NDArray[np.int64]


@dataclass
class SpecRun:
    """Every tensor of one image, and the accumulators of its mac steps."""

    tensors: dict[str, Words]
    accumulators: dict[str, Words] = field(default_factory=dict)


def spec_network(
    program: Program, inputs: dict[str, npt.NDArray[Any]], datapath: Datapath | None = None
) -> SpecRun:
    """One image through every step."""
    found = SpecRun({name: codes.astype(np.int64) for name, codes in inputs.items()})
    for step in program.ordered_steps:
        x = [found.tensors[name] for name in step.inputs]
        shape = program.tensors[step.output].shape
        made = _step(step, x, shape, datapath or program.datapath, found)
        found.tensors[step.output] = np.array(made, np.int64).reshape(shape)
    return found


def _step(step: Step, x: list[Words], shape: tuple[int, ...], datapath: Datapath, found: SpecRun) -> Any:
    match step:
        case MacStep():
            made = spec_mac(step, x[0], datapath)
            values = [accumulation.value for accumulation in made.accumulators]
            found.accumulators[step.name] = np.array(values, np.int64).reshape(shape)
            return made.outputs
        case AccumulateStep():
            partial = x[1] if step.resumes else None
            return [one.value for one in spec_sums(step, x[0], datapath, partial, step.shift)]
        case DigitStep():
            width = datapath.activation.bits
            return [digit(code, step.shift, step.bits, width) for code in x[0].ravel().tolist()]
        case RescaleStep():
            return _rescaled(step.stages(datapath), x[0], step.fields)
        case SumOrdersStep():
            return _orders(step, x, datapath)
        case BinaryStep():
            return _binary(step, x, datapath)
        case AveragePoolStep():
            return _average_pool(step, x[0], datapath)
        case MaxPoolStep():
            windows = inside(x[0], step.kernel, step.stride, step.padding)
            return [maximum(column.tolist()) for window in windows for column in window.T]
        case ConcatStep():
            return _concat(step, x, shape, datapath)
        case PadStep():
            return _pad(step, x[0], shape)
        case ClampStep():
            return [min(max(code, step.low), step.high) for code in x[0].ravel().tolist()]
        case ReshapeStep():
            return x[0].ravel().tolist()
        case InterleaveStep():
            whole = np.zeros(shape, np.int64)
            for (row, column), part in zip(np.ndindex(*step.grid), x, strict=True):
                whole[row :: step.grid[0], column :: step.grid[1]] = part
            return whole
    raise NotImplementedError(step.kind)


def _channel(fields: FieldValues, channel: int) -> Fields:
    return {name: v if isinstance(v, int) else int(v[channel]) for name, v in fields.items()}


def _rescaled(stages: Sequence[BaseStage], x: Words, fields: FieldValues) -> list[int]:
    return [run(stages, int(x[place]), _channel(fields, place[-1])).result for place in np.ndindex(x.shape)]


def _orders(step: SumOrdersStep, x: list[Words], datapath: Datapath) -> list[int]:
    operand, result = step.operand_stages(datapath), step.result_stages(datapath)
    made = []
    for place in np.ndindex(x[0].shape):
        fields = [_channel(own, place[-1]) for own in step.operand_fields]
        values = [int(part[place]) for part in x]
        rest = _channel(step.fields, place[-1])
        made.append(sum_orders(values, operand, fields, result, rest).result.result)
    return made


def _binary(step: BinaryStep, x: list[Words], datapath: Datapath) -> list[int]:
    operand, result = step.operand_stages(datapath), step.result_stages(datapath)
    made = []
    for place in np.ndindex(x[0].shape):
        channel = place[-1]
        a, b = (_channel(fields, channel) for fields in step.operand_fields)
        codes = (int(x[0][place]), int(x[1][place]))
        own = {**_channel(step.fields, channel), "activation": int(step.activation.bounds)}
        made.append(combine(step.combination, codes, operand, (a, b), result, own).result.result)
    return made


def _average_pool(step: AveragePoolStep, x: Words, datapath: Datapath) -> list[int]:
    rows, columns, _ = x.shape
    counts = window_counts((rows, columns), step.kernel, step.stride, step.padding, step.count_padding)
    made = []
    for count, window in zip(
        counts.ravel().tolist(), inside(x, step.kernel, step.stride, step.padding), strict=True
    ):
        fields = step.fields_of(step.counts.tolist().index(count))
        for channel, column in enumerate(window.T):
            total = average_sum(column.tolist(), step.x_zero)
            made.append(run(step.stages(datapath), total, _channel(fields, channel)).result)
    return made


def _concat(step: ConcatStep, x: list[Words], shape: tuple[int, ...], datapath: Datapath) -> Words:
    made = np.zeros(shape, np.int64)
    start, axis = 0, step.axis % len(shape)
    for part, fields in zip(x, step.operand_fields, strict=True):
        for place in np.ndindex(part.shape):
            code = int(part[place])
            if fields is not None:
                code = run(step.stages(datapath), code, _channel(fields, place[-1])).result
            target = list(place)
            target[axis] += start
            made[tuple(target)] = code
        start += part.shape[axis]
    return made


def _pad(step: PadStep, x: Words, shape: tuple[int, ...]) -> list[int]:
    made = []
    for place in product(*map(range, shape)):
        source = [at - before for at, (before, _) in zip(place, step.pads, strict=True)]
        within = all(0 <= at < size for at, size in zip(source, x.shape, strict=True))
        made.append(int(x[tuple(source)]) if within else step.value)
    return made
