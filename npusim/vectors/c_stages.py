"""Each stage of a pipeline as a statement of C on the variable ``v``."""

from __future__ import annotations

from npusim.datapath.systemverilog import identifier
from npusim.spec.rounding import Rounding
from npusim.spec.stages import (
    Add,
    BaseStage,
    Clamp,
    Divide,
    Float32,
    Float64,
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


def stage_code(stage: BaseStage) -> str:
    """A stage, its register's overflow rule included.

    Examples
    --------
    >>> stage_code(Multiply(by="multiplier"))
    'v = multiply(v, field_multiplier);'
    """
    text = _exact(stage)
    if stage.register is not None and stage.overflow is not None:
        text = register_code(text, stage.register, stage.overflow)
    return f"v = {text};"


def register_code(text: str, register: Width, overflow: Overflow) -> str:
    """A value written into a register by its overflow rule."""
    return f"{overflow}({text}, {register.bits}, {int(register.signed)})"


def constant(value: int) -> str:
    """An integer constant; C has no literal for the least one."""
    return f"(-{-(value + 1)}LL - 1)" if value < 0 else f"{value}LL"


def _exact(stage: BaseStage) -> str:
    match stage:
        case Add(operand=operand):
            return f"add(v, {_operand(operand)})"
        case Multiply(by=by):
            return f"multiply(v, {_operand(by)})"
        case ShiftLeft(by=by):
            return f"shift_left(v, {_operand(by)})"
        case ShiftRight(by=by, rounding=rounding):
            return f"shift_right(v, {_total(by)}, {_rounding(rounding)})"
        case Divide(by=by, rounding=rounding):
            return f"divide(v, {_operand(by)}, {_rounding(rounding)})"
        case Significant(digits=digits, rounding=rounding):
            return f"significant(v, {_operand(digits)}, {_rounding(rounding)})"
        case Saturate(to=to, to_signed=signed):
            return register_code("v", Width(to, signed), Overflow.SATURATE)
        case Wrap(to=to, to_signed=signed):
            return register_code("v", Width(to, signed), Overflow.WRAP)
        case Clamp(low=low, high=high):
            return f"clamp(v, {_operand(low)}, {_operand(high)})"
        case SelectNegative(positive=positive, negative=negative):
            return f"multiply(v, v >= 0 ? {_operand(positive)} : {_operand(negative)})"
        case Table():
            return _table(stage)
        case Float32(scale=scale, rounding=rounding, to=to):
            return f"float32(v, {_operand(scale)}, {_rounding(rounding)}, {to})"
        case Float64(scale=scale, rounding=rounding, to=to):
            return f"float64(v, {_operand(scale)}, {_rounding(rounding)}, {to})"
    raise TypeError(f"no C for a stage of type {type(stage).__name__}")


def _table(stage: Table) -> str:
    address = f"add(v, {constant(-stage.address.low)})"
    table = f"field_{identifier(stage.table)}"
    if not stage.fraction_bits:
        return f"{table}[{address}]"
    scaled = f"interpolate({table}, {address}, {stage.fraction_bits})"
    if stage.rounding is None:
        return scaled
    return f"shift_right({scaled}, {stage.fraction_bits}, {_rounding(stage.rounding)})"


def _total(operands: tuple[Operand, ...]) -> str:
    return " + ".join(_operand(operand) for operand in operands) or "0"


def _operand(operand: Operand) -> str:
    if isinstance(operand, int):
        return constant(operand)
    name = f"field_{identifier(operand.removeprefix('-'))}"
    return f"-{name}" if operand.startswith("-") else name


def _rounding(rule: Rounding) -> str:
    return f"ROUND_{rule.name}"
