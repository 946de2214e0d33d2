"""What the checker of certificates knows of stages.

The range behind a stage is that of the spec at the corners of what enters and of its registers: stages are
monotone in each of them. Divisibility is followed by one rule a stage.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import product

from npusim.coverage.certificates import Span
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

Bounds = tuple[int, int]
"""Least and greatest."""


def held(operand: Operand, registers: Mapping[str, Bounds]) -> Bounds:
    """The least and the greatest value of an operand."""
    if isinstance(operand, int):
        return operand, operand
    low, high = registers[operand.removeprefix("-")]
    return (-high, -low) if operand.startswith("-") else (low, high)


def follows(
    stage: BaseStage, before: Span, after: Span, registers: Mapping[str, Bounds], *, exact: bool
) -> bool:
    """Whether everything a stage makes of one span lies in the next."""
    low, high = made(stage, (before.low, before.high), registers)
    divided = after.multiple == 1 or _divides(after.multiple, stage, before.multiple, registers)
    if stage.register is not None and stage.overflow is not None and not exact:
        register = stage.register
        fits = register.low <= low and high <= register.high
        if not fits and stage.overflow is Overflow.WRAP:
            low, high = register.low, register.high
            divided = divided and (1 << register.bits) % after.multiple == 0
        elif not fits:
            low, high = (min(max(end, register.low), register.high) for end in (low, high))
            divided = after.multiple == 1
    return after.low <= low and high <= after.high and divided


def made(stage: BaseStage, value: Bounds, registers: Mapping[str, Bounds]) -> Bounds:
    """The least and the greatest exact result of a stage; at least as far apart as they are."""
    match stage:
        case Add() | Multiply() | ShiftLeft() | Divide():
            return _corners(stage, value, [held(o, registers) for o in stage.operands()], stage.operands())
        case ShiftRight():
            ends = [held(o, registers) for o in stage.by]
            total = (max(0, sum(low for low, _ in ends)), sum(high for _, high in ends))
            alone = ShiftRight(by=("n",), rounding=stage.rounding)
            return _corners(alone, value, [total], ("n",))
        case SelectNegative():
            operands = stage.operands()
            split = {value[0], value[1], *(end for end in (-1, 0) if value[0] <= end <= value[1])}
            ends_made = [
                _corners(stage, (v, v), [held(o, registers) for o in operands], operands) for v in split
            ]
            return min(low for low, _ in ends_made), max(high for _, high in ends_made)
        case Saturate():
            return stage.exact(value[0], {})[0], stage.exact(value[1], {})[0]
        case Wrap():
            register = Width(stage.to, stage.to_signed)
            fits = register.holds(value[0]) and register.holds(value[1])
            return value if fits else (register.low, register.high)
        case Clamp():
            least, greatest = held(stage.low, registers), held(stage.high, registers)
            return (
                max(least[0], min(value[0], greatest[0])),
                min(greatest[1], max(value[1], least[1])),
            )
        case Table():
            low, high = registers[stage.table]
            scale = 1 << (0 if stage.rounding is not None else stage.fraction_bits)
            return low * scale, high * scale
        case FloatStage():
            return Width(stage.to).low, Width(stage.to).high
        case Significant():
            fewest, most = held(stage.digits, registers)
            longest = max(abs(end).bit_length() for end in value)
            counts = range(max(1, fewest), max(1, fewest, min(most, longest)) + 1)
            kept = [Significant(digits=count, rounding=stage.rounding) for count in counts]
            return _hull(_corners(one, value, (), ()) for one in kept)
    raise AssertionError(f"no rule for {stage.stage}")


def _hull(parts: Iterable[Bounds]) -> Bounds:
    lows, highs = zip(*parts, strict=True)
    return min(lows), max(highs)


def _corners(stage: BaseStage, value: Bounds, held: Sequence[Bounds], operands: Sequence[Operand]) -> Bounds:
    """The spec at all corners."""
    results = []
    for chosen in product(value, *held):
        fields = {
            operand.removeprefix("-"): -number if operand.startswith("-") else number
            for operand, number in zip(operands, chosen[1:], strict=True)
            if isinstance(operand, str)
        }
        results.append(stage.exact(chosen[0], fields)[0])
    return min(results), max(results)


def _divides(claimed: int, stage: BaseStage, multiple: int, registers: Mapping[str, Bounds]) -> bool:
    """Whether all results of a stage are multiples of `claimed`, those of `multiple` entering."""
    match stage:
        case Add():
            low, high = held(stage.operand, registers)
            return low == high and low % claimed == 0 and multiple % claimed == 0
        case ShiftLeft():
            return (multiple << held(stage.by, registers)[0]) % claimed == 0
        case Multiply():
            low, high = held(stage.by, registers)
            return multiple * (low if low == high else 1) % claimed == 0
        case ShiftRight():
            untouched = all(held(operand, registers) == (0, 0) for operand in stage.by)
            return untouched and multiple % claimed == 0
        case Wrap():
            return multiple % claimed == 0 and (1 << stage.to) % claimed == 0
    return False


def fits(stage: BaseStage, before: Span, registers: Mapping[str, Bounds]) -> bool:
    """Whether a stage's register changes nothing."""
    if stage.register is None or stage.overflow is None:
        return True
    return all(map(stage.register.holds, made(stage, (before.low, before.high), registers)))
