"""Elementwise operations."""

from __future__ import annotations

from typing import Any

from npusim.errors import InputError
from npusim.importers.tosa.builder import CODES, Builder
from npusim.importers.tosa.checks import single
from npusim.importers.tosa.graph import Operator
from npusim.importers.tosa.reader import decode
from npusim.spec.interval import Interval
from npusim.spec.rounding import Rounding
from npusim.steps.add_words import AddWordsStep
from npusim.steps.arithmetic_right_shift import ArithmeticRightShiftStep
from npusim.steps.base import Step
from npusim.steps.clamp import ClampStep
from npusim.steps.maximum import MaximumStep
from npusim.steps.minimum import MinimumStep
from npusim.steps.mul_words import MulWordsStep
from npusim.steps.sub_words import SubWordsStep


def _two(operator: Operator, builder: Builder, kind: type[Step], **content: Any) -> None:
    """An operation on two tensors of one rank; sizes of one are repeated."""
    ranks = [len(builder.tensor(operator, place).shape) for place in range(2)]
    if len({*ranks, len(builder.output(operator).shape)}) > 1:
        raise operator.error("operands and output have different ranks", found=ranks)
    values = [builder.value(operator, place, signed=True) for place in range(2)]
    builder.finish(operator, builder.add(kind, builder.output(operator).name, values, **content))


def _add(operator: Operator, builder: Builder) -> None:
    _two(operator, builder, AddWordsStep)


def _sub(operator: Operator, builder: Builder) -> None:
    _two(operator, builder, SubWordsStep)


def _mul(operator: Operator, builder: Builder) -> None:
    shift = single(operator, builder, 2)
    if shift and builder.tensor(operator, 0).kind != "INT32":
        raise operator.error("only products of INT32 are shifted", found=shift)
    if not 0 <= shift <= 63:
        raise operator.error("the shift is out of range", found=shift, allowed="0..63")
    _two(operator, builder, MulWordsStep, fields={"shift": shift})


def _arithmetic_right_shift(operator: Operator, builder: Builder) -> None:
    rounding = Rounding.HALF_UP if operator.flag("round") else Rounding.FLOOR
    _two(operator, builder, ArithmeticRightShiftStep, rounding=rounding)


def _minimum(operator: Operator, builder: Builder) -> None:
    _two(operator, builder, MinimumStep, operand_fields=(None, None))


def _maximum(operator: Operator, builder: Builder) -> None:
    _two(operator, builder, MaximumStep, operand_fields=(None, None))


def _clamp(operator: Operator, builder: Builder) -> None:
    low, high = (_value(operator, builder, name) for name in ("min_val", "max_val"))
    x = builder.value(operator, 0, signed=True)
    made = builder.add(ClampStep, builder.output(operator).name, (x,), low=low, high=high)
    # A bound that clips nothing may lie beyond the codes that can occur.
    builder.finish(operator, made)


def _value(operator: Operator, builder: Builder, name: str) -> int:
    """An attribute of the input's type."""
    kind, raw = builder.tensor(operator, 0).kind, operator.raw(name)
    size = -(-CODES[kind].bits // 8)
    if len(raw) < size:
        raise operator.error(f"{name} is too short", found=len(raw), allowed=f"{size} bytes")
    value = int(decode(raw[:size], kind)[0])
    if value not in Interval.of(CODES[kind]):
        raise InputError(f"{name} is out of range", found=value)
    return value


CONVERTERS = {
    "ADD": _add,
    "ARITHMETIC_RIGHT_SHIFT": _arithmetic_right_shift,
    "CLAMP": _clamp,
    "MAXIMUM": _maximum,
    "MINIMUM": _minimum,
    "MUL": _mul,
    "SUB": _sub,
}
