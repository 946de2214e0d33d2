"""A stage in words: one line of pseudo-code under the rule identifiers of ARITHMETIC.md."""

from __future__ import annotations

from collections.abc import Sequence

from npusim.spec.stages import (
    Add,
    BaseStage,
    Clamp,
    Divide,
    FloatStage,
    Multiply,
    Operand,
    Saturate,
    SelectNegative,
    ShiftLeft,
    ShiftRight,
    Significant,
    Table,
    Wrap,
)
from npusim.spec.width import Overflow, Width


def stage_text(stage: BaseStage) -> str:
    """What a stage makes of the value `v`, its register's overflow rule included.

    Examples
    --------
    >>> from npusim.spec.rounding import Rounding
    >>> stage_text(ShiftRight(by=("shift", "inverse_shift"), rounding=Rounding.HALF_UP))
    'A1.half_up(v / 2^(shift + inverse_shift))'
    """
    text = _exact_text(stage)
    if stage.register is None or stage.overflow is None:
        return text
    return register_text(text, stage.register, stage.overflow)


def register_text(text: str, register: Width, overflow: Overflow) -> str:
    """A value written into a register by its overflow rule."""
    return f"A.{overflow}({text}, {register})"


def _exact_text(stage: BaseStage) -> str:
    match stage:
        case Add(operand=operand):
            return f"v {_signed(operand)}"
        case Multiply(by=by):
            return f"v * {_factor(by)}"
        case ShiftLeft(by=by):
            return f"v * 2^{_factor(by)}"
        case ShiftRight(by=by, rounding=rounding):
            return f"A1.{rounding}(v / 2^{_total(by)})"
        case Saturate(to=to, to_signed=signed):
            return f"A.saturate(v, {Width(to, signed)})"
        case Wrap(to=to, to_signed=signed):
            return f"A.wrap(v, {Width(to, signed)})"
        case Clamp(low=low, high=high):
            return f"min(max(v, {low}), {high})"
        case SelectNegative(positive=positive, negative=negative):
            return f"v * (v >= 0 ? {positive} : {negative})"
        case Table():
            return _table_text(stage)
        case Divide(by=by, rounding=rounding):
            return f"A1.{rounding}(v / {_factor(by)})"
        case Significant(digits=digits, rounding=rounding):
            return f"A1.{rounding}(v to {_factor(digits)} significant bits)"
        case FloatStage(stage=kind, scale=scale, rounding=rounding, to=to):
            return f"A.saturate(A1.{rounding}({kind}({kind}(v) * {scale})), {Width(to)})"
    raise TypeError(f"no words for a stage of type {type(stage).__name__}")


def _table_text(stage: Table) -> str:
    address = f"v {_signed(-stage.address.low)}" if stage.address.low else "v"
    if not stage.fraction_bits:
        return f"{stage.table}[{address}]"
    text = f"A8.interpolate({stage.table}, {address}, {stage.index_bits}.{stage.fraction_bits} bits"
    return f"{text})" if stage.rounding is None else f"{text}, A1.{stage.rounding})"


def _signed(operand: Operand) -> str:
    text = str(operand)
    return f"- {text.removeprefix('-')}" if text.startswith("-") else f"+ {text}"


def _factor(operand: Operand) -> str:
    text = str(operand)
    return f"({text})" if text.startswith("-") else text


def _total(operands: Sequence[Operand]) -> str:
    if len(operands) == 1:
        return _factor(operands[0])
    first, *rest = operands
    return f"({' '.join([str(first), *map(_signed, rest)])})" if operands else "0"
