"""Looks for certificates: ranges and residues, register by register, and products taken apart."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from math import gcd

from npusim.coverage.bins import At, Bin, Condition, Pin
from npusim.coverage.certificates import Case, Certificate, Product, Span
from npusim.coverage.factors import divisors, factorize
from npusim.coverage.unit import PipelineUnit
from npusim.spec.interval import Interval
from npusim.spec.rounding import shift_right
from npusim.spec.stages import (
    Add,
    BaseStage,
    Multiply,
    Ranges,
    ShiftLeft,
    ShiftRight,
    Significant,
    Wrap,
    field_name,
)
from npusim.spec.stages.base import range_of
from npusim.spec.width import Overflow

_MOST_PRODUCTS = 256
_MOST_CASES = 64


class Effort(Enum):
    """How long an argument is looked for."""

    RANGES = "ranges"
    """One look at ranges and residues."""
    ALL = "all"
    """Also register by register, and products taken apart."""


def propose(unit: PipelineUnit, wanted: Bin, effort: Effort = Effort.ALL) -> Certificate | None:
    """A certificate that a bin cannot be hit; None if no argument was found."""
    refutations = []
    for condition in wanted.conditions:
        splits = _splits(unit, condition) if effort is Effort.ALL else iter([None])
        tried = (_cases(unit, condition, split, effort) for split in splits)
        cases = next(filter(None, tried), None)
        if cases is None:
            return None
        refutations.append(cases)
    return Certificate(tuple(refutations))


def _splits(unit: PipelineUnit, condition: Condition) -> Iterator[str | None]:
    """None, then the registers whose values are few enough to be looked at one by one."""
    yield None
    names = [field_name(o) for stage in unit.stages[: condition.stage + 1] for o in stage.operands()]
    for name in dict.fromkeys(names):
        if name is not None and unit.ranges[name].high - unit.ranges[name].low < _MOST_CASES:
            yield name


def _cases(
    unit: PipelineUnit, condition: Condition, split: str | None, effort: Effort
) -> tuple[Case, ...] | None:
    if split is None:
        case = _case(unit, condition, None, effort)
        return None if case is None else (case,)
    cases = []
    for value in range(unit.ranges[split].low, unit.ranges[split].high + 1):
        case = _case(unit, condition, (split, value, value), effort)
        if case is None:
            return None
        cases.append(case)
    return tuple(cases)


def _case(
    unit: PipelineUnit, condition: Condition, register: tuple[str, int, int] | None, effort: Effort
) -> Case | None:
    ranges = dict(unit.ranges)
    if register is not None:
        ranges[register[0]] = Interval(*register[1:])
    for pin in condition.pins:
        narrowed = _narrowed(pin, ranges)
        if narrowed is None:
            return Case(register, ())
        ranges = narrowed
    spans = _spans(unit, condition, ranges)
    if condition.target is None:
        return None
    members = _members(condition, spans[-1], ranges)
    if members is not None and not members:
        return Case(register, spans)
    digits = _digits(unit, condition, ranges)
    if digits is not None:
        return Case(register, spans, digits)
    products = (
        None
        if members is None or effort is Effort.RANGES
        else _products(unit, condition, spans, ranges, members)
    )
    return None if products is None else Case(register, spans, None, products)


def _narrowed(pin: Pin, ranges: Ranges) -> dict[str, Interval] | None:
    """What a pin leaves of its registers' ranges; None: nothing."""
    result = dict(ranges)
    total = sum((range_of(operand, ranges) for operand in pin.operands), start=Interval(0, 0))
    for operand in pin.operands:
        name, each = field_name(operand), range_of(operand, ranges)
        low, high = pin.value - (total.high - each.high), pin.value - (total.low - each.low)
        low, high = max(low, each.low), min(high, each.high)
        if low > high:
            return None
        if name is not None:
            found = Interval(low, high)
            result[name] = -found if str(operand).startswith("-") else found
    return result


def _spans(unit: PipelineUnit, condition: Condition, ranges: Ranges) -> tuple[Span, ...]:
    value, multiple = unit.entering, 1
    spans = [Span(value.low, value.high)]
    for stage in unit.stages[: condition.stage]:
        exact = stage.exact_reach(value, ranges)
        multiple = _kept(stage, exact, _exact_multiple(stage, multiple, ranges))
        value = stage.reach(value, ranges)
        spans.append(Span(value.low, value.high, multiple))
    if condition.at is At.EXACT:
        stage = unit.stages[condition.stage]
        exact = stage.exact_reach(value, ranges)
        spans.append(Span(exact.low, exact.high, _exact_multiple(stage, multiple, ranges)))
    return tuple(spans)


def _exact_multiple(stage: BaseStage, multiple: int, ranges: Ranges) -> int:
    match stage:
        case Add():
            added = range_of(stage.operand, ranges)
            return gcd(multiple, added.low) if added.low == added.high else 1
        case ShiftLeft():
            return multiple << range_of(stage.by, ranges).low
        case Multiply():
            factor = range_of(stage.by, ranges)
            return multiple * (abs(factor.low) or 1) if factor.low == factor.high else multiple
        case ShiftRight():
            return multiple if _untouched(stage, ranges) else 1
        case Wrap():
            return gcd(multiple, 1 << stage.to)
    return 1


def _kept(stage: BaseStage, exact: Interval, multiple: int) -> int:
    """What a register leaves of divisibility."""
    if stage.register is None or stage.overflow is None or exact.within(Interval.of(stage.register)):
        return multiple
    return gcd(multiple, 1 << stage.register.bits) if stage.overflow is Overflow.WRAP else 1


def _members(condition: Condition, span: Span, ranges: Ranges) -> list[int] | None:
    """The values of a span that the condition allows; None if there are many."""
    target = condition.target
    assert target is not None
    low, high, multiple = span.low, span.high, span.multiple
    if condition.minus is not None:
        taken = range_of(condition.minus, ranges)
        low, high, multiple = low - taken.high, high - taken.low, 1
    low, high = max(low, target.low), min(high, target.high)
    common = gcd(multiple, target.modulus)
    if low > high or target.residue % common:
        return []
    step = multiple // common * target.modulus
    times = target.residue // common * pow(multiple // common, -1, target.modulus // common)
    start = multiple * (times % (target.modulus // common))
    first = low + (start - low) % step
    if (high - first) // step >= _MOST_PRODUCTS:
        return None
    return list(range(first, high + 1, step))


def _untouched(stage: BaseStage, ranges: Ranges) -> bool:
    return isinstance(stage, ShiftRight) and all(range_of(o, ranges) == Interval(0, 0) for o in stage.by)


def _digits(unit: PipelineUnit, condition: Condition, ranges: Ranges) -> int | None:
    """How many significant bits the values have, if all allowed ones have more."""
    stage, target = unit.stages[condition.stage - 1], condition.target
    fits = condition.stage > 0 and condition.at is At.ENTERING and condition.minus is None
    if (
        not fits
        or not isinstance(stage, Significant)
        or target is None
        or not target.residue % target.modulus
    ):
        return None
    digits = range_of(stage.digits, ranges).high
    twos = (target.residue & -target.residue).bit_length() - 1
    least = 1 << digits + twos
    return None if target.within(Interval(1 - least, least - 1)) else digits


def _before_shift(stage: BaseStage, members: list[int], span: Span, ranges: Ranges) -> list[int] | None:
    """Everything in a span that a shift by a known amount makes one of some values; None if that is much."""
    assert isinstance(stage, ShiftRight)
    total = sum((range_of(operand, ranges) for operand in stage.by), start=Interval(0, 0))
    if total.low != total.high or len(members) << total.low > _MOST_PRODUCTS:
        return None
    found = []
    for member in members:
        near = range(member - 1 << total.low, (member + 1 << total.low) + 1)
        found += [v for v in near if shift_right(v, total.low, stage.rounding)[0] == member]
    return [value for value in found if span.low <= value <= span.high]


def _products(
    unit: PipelineUnit, condition: Condition, spans: tuple[Span, ...], ranges: Ranges, members: list[int]
) -> tuple[Product, ...] | None:
    """No member is a product of what enters the multiplication before it and its multiplier."""
    index = condition.stage if condition.at is At.EXACT else condition.stage - 1
    while index > 0 and isinstance(unit.stages[index], ShiftRight):
        before = _before_shift(unit.stages[index], members, spans[index], ranges)
        if before is None:
            return None
        members, index = before, index - 1
    stage = unit.stages[index] if index >= 0 else None
    if not isinstance(stage, Multiply) or condition.minus is not None or 0 in members:
        return None
    factor, entering = range_of(stage.by, ranges), spans[index]
    found = []
    for member in members:
        primes = factorize(abs(member))
        for divisor in divisors(primes):
            for sign in (divisor, -divisor):
                value = member // sign
                if (
                    sign in factor
                    and entering.low <= value <= entering.high
                    and not value % entering.multiple
                ):
                    return None
        found.append(Product(member, primes))
    return tuple(found)
