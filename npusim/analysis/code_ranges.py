"""Which codes each tensor of a program can hold: clamp bounds make most ranges narrower than their type."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any

import numpy as np

from npusim.datapath.model import Datapath
from npusim.datapath.operations import RESIZE_WEIGHT
from npusim.spec.elementwise import Combination
from npusim.spec.interval import Interval
from npusim.spec.pipeline import reach
from npusim.spec.stages import BaseStage
from npusim.steps.accumulate import AccumulateStep
from npusim.steps.average_pool import AveragePoolStep
from npusim.steps.base import Step
from npusim.steps.binary import BinaryStep
from npusim.steps.binary_words import BinaryWordsStep
from npusim.steps.clamp import ClampStep
from npusim.steps.concat import ConcatStep
from npusim.steps.constant import ConstantStep
from npusim.steps.digit import DigitStep
from npusim.steps.extreme import ExtremeStep
from npusim.steps.fields import PlainFields
from npusim.steps.interleave import InterleaveStep
from npusim.steps.interpolate_words import InterpolateWordsStep
from npusim.steps.mac import MacStep
from npusim.steps.matmul import MatmulStep
from npusim.steps.max_pool import MaxPoolStep
from npusim.steps.pad import PadStep
from npusim.steps.recode import RecodeStep
from npusim.steps.rescale import RescaleStep
from npusim.steps.rescale_words import RescaleWordsStep
from npusim.steps.reshape import ReshapeStep
from npusim.steps.resize_bilinear import ResizeBilinearStep, blended
from npusim.steps.resize_nearest import ResizeNearestStep
from npusim.steps.slice import SliceStep
from npusim.steps.sum_orders import SumOrdersStep
from npusim.steps.table import TableStep
from npusim.steps.transpose import TransposeStep
from npusim.steps.weighted_resize import WeightedResizeStep


def field_ranges(fields: PlainFields) -> dict[str, Interval]:
    """The hull of each field's values: the spec's `Ranges`, for one step."""
    return {name: Interval(int(np.min(value)), int(np.max(value))) for name, value in fields.items()}


def rescaled(stages: Sequence[BaseStage], values: Interval, fields: PlainFields) -> Interval:
    """Everything a pipeline can make of some values with a step's fields; without stages the values.

    Examples
    --------
    >>> from npusim.spec.stages import Clamp
    >>> rescaled([Clamp(low="low", high="high")], Interval(-500, 500), {"low": 0, "high": 127})
    Interval(low=0, high=127)
    """
    return reach(stages, values, field_ranges(fields))[-1] if stages else values


def output_range(
    step: Step, inputs: Sequence[Interval], sums: Interval | None, datapath: Datapath, whole: Interval
) -> Interval:
    """The codes a step can make.

    Parameters
    ----------
    inputs
        The codes of its inputs.
    sums
        What its accumulators hold; None: it has none.
    whole
        All codes of the output's type: the answer for steps nothing narrower is known of.
    """
    rule = next((rule for kind, rule in _RULES.items() if isinstance(step, kind)), None)
    return whole if rule is None else rule(step, inputs, sums, datapath)


def combined_range(step: BinaryStep, inputs: Sequence[Interval], datapath: Datapath) -> Interval:
    """The exact sums, differences or products of an elementwise step."""
    stages = step.operand_stages(datapath)
    operands = zip(inputs, step.operand_fields, strict=True)
    first, second = (rescaled(stages, x, fields) for x, fields in operands)
    match step.combination:
        case Combination.SUM:
            return first + second
        case Combination.DIFFERENCE:
            return first + -second
        case Combination.PRODUCT:
            return first * second


def order_range(step: SumOrdersStep, inputs: Sequence[Interval], datapath: Datapath) -> Interval:
    """The exact sums of the orders."""
    stages = step.operand_stages(datapath)
    operands = zip(inputs, step.operand_fields, strict=True)
    return sum((rescaled(stages, x, fields) for x, fields in operands), start=Interval(0, 0))


_Rule = Callable[[Any, Sequence[Interval], Interval | None, Datapath], Interval]


def _mac(
    step: MacStep | AveragePoolStep, inputs: Sequence[Interval], sums: Interval | None, datapath: Datapath
) -> Interval:
    assert sums is not None
    fields = step.fields if isinstance(step, MacStep) else pool_fields(step)
    return rescaled(step.stages(datapath), sums, fields)


def pool_fields(step: AveragePoolStep) -> dict[str, Any]:
    """The registers of windows of every size, as columns."""
    each = [step.fields_of(index) for index in range(len(step.counts))]
    return {name: np.concatenate([np.ravel(fields[name]) for fields in each]) for name in each[0]}


def _binary(
    step: BinaryStep, inputs: Sequence[Interval], sums: Interval | None, datapath: Datapath
) -> Interval:
    return rescaled(step.result_stages(datapath), combined_range(step, inputs, datapath), step.fields)


def _table(
    step: TableStep, inputs: Sequence[Interval], sums: Interval | None, datapath: Datapath
) -> Interval:
    return rescaled(step.stages(datapath), inputs[0], step.fields)


def _rescale(
    step: RescaleStep, inputs: Sequence[Interval], sums: Interval | None, datapath: Datapath
) -> Interval:
    return rescaled(step.stages(datapath), inputs[0], step.fields)


def _accumulate(
    step: AccumulateStep, inputs: Sequence[Interval], sums: Interval | None, datapath: Datapath
) -> Interval:
    assert sums is not None
    return sums


def _digit(
    step: DigitStep, inputs: Sequence[Interval], sums: Interval | None, datapath: Datapath
) -> Interval:
    top = step.shift + step.bits >= datapath.activation.bits
    whole = Interval.of(datapath.operand)
    return Interval(inputs[0].low >> step.shift, inputs[0].high >> step.shift) if top else whole


def _orders(
    step: SumOrdersStep, inputs: Sequence[Interval], sums: Interval | None, datapath: Datapath
) -> Interval:
    return rescaled(step.result_stages(datapath), order_range(step, inputs, datapath), step.fields)


def _concat(
    step: ConcatStep, inputs: Sequence[Interval], sums: Interval | None, datapath: Datapath
) -> Interval:
    operands = [
        x if fields is None else rescaled(step.stages(datapath), x, fields)
        for x, fields in zip(inputs, step.operand_fields, strict=True)
    ]
    return reduce(Interval.hull, operands)


def _extreme(
    step: ExtremeStep, inputs: Sequence[Interval], sums: Interval | None, datapath: Datapath
) -> Interval:
    first, second = (
        x if fields is None else rescaled(step.stages(datapath), x, fields)
        for x, fields in zip(inputs, step.operand_fields, strict=True)
    )
    return step.choice.reach(first, second)


def _resize(
    step: ResizeBilinearStep, inputs: Sequence[Interval], sums: Interval | None, datapath: Datapath
) -> Interval:
    bits = datapath.fields[RESIZE_WEIGHT].bits
    return rescaled(step.stages(datapath), blended(inputs[0], bits), step.fields)


def _interleave(
    step: InterleaveStep, inputs: Sequence[Interval], sums: Interval | None, datapath: Datapath
) -> Interval:
    return reduce(Interval.hull, inputs)


def _constant(
    step: ConstantStep, inputs: Sequence[Interval], sums: Interval | None, datapath: Datapath
) -> Interval:
    return Interval(int(step.codes.min()), int(step.codes.max()))


def _recode(
    step: RecodeStep, inputs: Sequence[Interval], sums: Interval | None, datapath: Datapath
) -> Interval:
    return Interval(int(step.table.min()), int(step.table.max()))


def _matmul(
    step: MatmulStep, inputs: Sequence[Interval], sums: Interval | None, datapath: Datapath
) -> Interval:
    assert sums is not None
    return rescaled(step.result_stages(datapath), sums, step.fields)


def _words(
    step: RescaleWordsStep | InterpolateWordsStep,
    inputs: Sequence[Interval],
    sums: Interval | None,
    datapath: Datapath,
) -> Interval:
    return rescaled(step.stages(datapath), inputs[0], step.fields)


def _binary_words(
    step: BinaryWordsStep, inputs: Sequence[Interval], sums: Interval | None, datapath: Datapath
) -> Interval:
    return rescaled(step.stages(datapath), step.combination.reach(inputs[0], inputs[1]), step.fields)


def _weighted(
    step: WeightedResizeStep, inputs: Sequence[Interval], sums: Interval | None, datapath: Datapath
) -> Interval:
    return step.reach(inputs[0])


def _clamp(
    step: ClampStep, inputs: Sequence[Interval], sums: Interval | None, datapath: Datapath
) -> Interval:
    return inputs[0].clamped(Interval(step.low, step.high))


def _pad(step: PadStep, inputs: Sequence[Interval], sums: Interval | None, datapath: Datapath) -> Interval:
    return inputs[0].hull(Interval(step.value, step.value))


def _same(step: Step, inputs: Sequence[Interval], sums: Interval | None, datapath: Datapath) -> Interval:
    return inputs[0]


COPIES: tuple[type[Step], ...] = (MaxPoolStep, ReshapeStep, ResizeNearestStep, SliceStep, TransposeStep)
"""Steps that choose among their input's codes."""

_RULES: Mapping[type[Step], _Rule] = {
    MacStep: _mac,
    AccumulateStep: _accumulate,
    DigitStep: _digit,
    RescaleStep: _rescale,
    SumOrdersStep: _orders,
    AveragePoolStep: _mac,
    BinaryStep: _binary,
    TableStep: _table,
    ConcatStep: _concat,
    ExtremeStep: _extreme,
    InterleaveStep: _interleave,
    ResizeBilinearStep: _resize,
    MatmulStep: _matmul,
    RescaleWordsStep: _words,
    InterpolateWordsStep: _words,
    BinaryWordsStep: _binary_words,
    WeightedResizeStep: _weighted,
    ConstantStep: _constant,
    RecodeStep: _recode,
    ClampStep: _clamp,
    PadStep: _pad,
    **dict.fromkeys(COPIES, _same),
}
