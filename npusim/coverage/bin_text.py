"""The conditions of bins as expressions that SystemVerilog evaluates, all in one signed width."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from npusim.coverage.bins import At, Bin, Condition
from npusim.coverage.register_bins import FAR
from npusim.coverage.residues import Residues
from npusim.coverage.unit import PipelineUnit
from npusim.datapath.systemverilog import identifier
from npusim.spec.stages import Operand, field_name

_SPARE_BITS = 3
"""For the sign, and for sums and differences of a few operands."""


def bits_of(unit: PipelineUnit, bins: Iterable[Bin]) -> int:
    """A width that holds everything the expressions of bins compute."""
    numbers = [end for held in unit.ranges.values() for end in (held.low, held.high)]
    value = unit.entering
    for stage in unit.stages:
        exact = stage.exact_reach(value, unit.ranges)
        numbers += [value.low, value.high, exact.low, exact.high]
        value = stage.reach(value, unit.ranges)
    for one in bins:
        for condition in one.conditions:
            numbers += [pin.value for pin in condition.pins]
            target = condition.target
            if target is not None:
                numbers += [target.modulus, target.residue, *_near(target.low), *_near(target.high)]
    return max(abs(number).bit_length() for number in numbers) + _SPARE_BITS


def bin_text(one: Bin, bits: int) -> str:
    """The expression that is true when a sample shows a bin; inputs have ``v_`` before their names."""
    found = [" && ".join(_terms(condition, bits)) or "1'b1" for condition in one.conditions]
    return found[0] if len(found) == 1 else " || ".join(f"({text})" for text in found)


def entering(stage: int) -> str:
    """The input that is what enters a stage."""
    return f"entering_{stage}"


def exact(stage: int) -> str:
    """The input that is what a stage makes, before its register."""
    return f"exact_{stage}"


def event(stage: int, name: str) -> str:
    """The input that says whether a stage reports an event."""
    return f"event_{stage}_{name}"


def register(name: str) -> str:
    """The input that is what a register holds."""
    return f"field_{identifier(name)}"


def _terms(condition: Condition, bits: int) -> Iterator[str]:
    for pin in condition.pins:
        total = " + ".join(_operand(operand, bits) for operand in pin.operands)
        yield f"{total} == {literal(pin.value, bits)}"
    for wanted, events in ((1, condition.events), (0, condition.without)):
        for name in sorted(events):
            yield f"v_{event(condition.stage, name)} == {literal(wanted, bits)}"
    if condition.target is not None:
        value = f"v_{(entering if condition.at is At.ENTERING else exact)(condition.stage)}"
        if condition.minus is not None:
            value = f"({value} - {_operand(condition.minus, bits)})"
        yield from _members(condition.target, value, bits)


def _members(target: Residues, value: str, bits: int) -> Iterator[str]:
    """Membership; ends beyond every value are left out."""
    if target.low == target.high:
        yield f"{value} == {literal(target.low, bits)}"
        return
    for sign, end in ((">=", target.low), ("<=", target.high)):
        for number in _near(end):
            yield f"{value} {sign} {literal(number, bits)}"
    if target.modulus > 1:
        residue, modulus = literal(target.residue, bits), literal(target.modulus, bits)
        yield f"({value} - {residue}) % {modulus} == {literal(0, bits)}"


def _near(end: int) -> list[int]:
    """An end of a range, unless it stands for no end."""
    return [end] if abs(end) < FAR >> 1 else []


def _operand(operand: Operand, bits: int) -> str:
    name = field_name(operand)
    if name is None:
        assert isinstance(operand, int)
        return literal(operand, bits)
    return f"-v_{register(name)}" if str(operand).startswith("-") else f"v_{register(name)}"


def literal(value: int, bits: int) -> str:
    """An integer as a signed literal of a width."""
    return f"-{bits}'sd{-value}" if value < 0 else f"{bits}'sd{value}"
