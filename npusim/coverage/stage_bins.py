"""The bins of a pipeline, derived from its stages."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import product

from npusim.coverage.bins import At, Bin, BinClass, Condition, Pin
from npusim.coverage.register_bins import SIGNS, Situation, clamp, ends, extremes, held, only, patterns
from npusim.coverage.residues import Residues
from npusim.coverage.shift_bins import shift_ties, shift_values, shown_shifts
from npusim.coverage.unit import PipelineUnit
from npusim.spec.events import Event
from npusim.spec.interval import Interval
from npusim.spec.pipeline import reach
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
    field_name,
)
from npusim.spec.stages.base import range_of
from npusim.spec.width import Width

_MOST_DIVISORS = 8


def pipeline_bins(unit: PipelineUnit) -> tuple[Bin, ...]:
    """All bins of a pipeline, in the order of its stages.

    Examples
    --------
    >>> from npusim.datapath import load_datapath
    >>> pipeline_bins(PipelineUnit(load_datapath("wes_npu"), "mac"))[0].name
    'W4.mac.result.input.low'
    """
    found: dict[str, Bin] = {}
    for index, stage in enumerate(unit.stages):
        place = f"{stage.rule or 'A'}.{unit.name}"
        if not index:
            for what, about, conditions in _input(unit.entering):
                name = f"{place}.input.{what}"
                found.setdefault(name, Bin(name, about, conditions))
        for what, about, conditions in _stage(unit, index, stage):
            name = f"{place}.{index}_{stage.stage}.{what}"
            found.setdefault(name, Bin(name, about, conditions))
    return tuple(found.values())


def _input(entering: Interval) -> Iterator[Situation]:
    special = {"low": entering.low, "high": entering.high, "zero": 0, "one": 1, "minus_one": -1}
    special |= {str(value): value for value in patterns(entering)}
    seen = set()
    for what, value in special.items():
        if value in entering and value not in seen:
            seen.add(value)
            yield what, BinClass.ENDS, (Condition(stage=0, target=only(value)),)


def _stage(unit: PipelineUnit, index: int, stage: BaseStage) -> Iterator[Situation]:
    match stage:
        case ShiftRight():
            yield from shift_values(unit, index, stage.by)
            yield from shown_shifts(unit, index, stage.by)
            yield from shift_ties(unit, index, stage)
        case ShiftLeft():
            yield from shift_values(unit, index, (stage.by,))
        case Multiply():
            yield from _factors(unit, index, stage.by)
        case SelectNegative():
            for operand, sign in ((stage.positive, "positive"), (stage.negative, "negative")):
                for what, about, conditions in _factors(unit, index, operand):
                    target = Residues(*SIGNS[sign])
                    pins = conditions[0].pins
                    yield f"{sign}.{what}", about, (Condition(stage=index, pins=pins, target=target),)
        case Add():
            name = field_name(stage.operand)
            liked = () if name is None else patterns(unit.ranges[name])
            yield from held(unit, index, stage.operand, BinClass.ZERO_POINT, (0, *liked))
        case Clamp():
            yield from clamp(unit, index, stage)
        case Saturate() | Wrap():
            yield from ends(unit, index, Width(stage.to, stage.to_signed), At.ENTERING)
        case Divide():
            yield from _divisions(unit, index, stage)
        case Table():
            yield from _table(index, stage)
        case Significant():
            yield from held(unit, index, stage.digits, BinClass.DIGITS, ())
            yield from _digits(unit, index, stage)
            yield from _event_ties(index, At.ENTERING)
        case FloatStage():
            yield from _float(unit, index, stage)
    if isinstance(stage, (Add, Multiply, ShiftRight)):
        yield from extremes(unit, index)
    if stage.register is not None and stage.overflow is not None:
        yield from ends(unit, index, stage.register, At.EXACT)


def _factors(unit: PipelineUnit, index: int, operand: Operand) -> Iterator[Situation]:
    name = field_name(operand)
    if name is None:
        return
    top, allowed = unit.ranges[name].high, unit.ranges[name]
    entering = [unit.entering, *reach(unit.stages[:index], unit.entering, unit.ranges)][-1]
    large = Residues(entering.high // 2 + 1, entering.high)
    for value in dict.fromkeys([allowed.low, top, 0, 1, -1, top - 1, *patterns(allowed)]):
        if value in allowed:
            pins = (Pin((name,), value),)
            # Of a large value first: every bit of the multiplier shows in the product.
            ways = (Condition(stage=index, pins=pins, target=large), Condition(stage=index, pins=pins))
            yield f"{name}_is_{value}", BinClass.MULTIPLIER, ways
    if index == 0:
        corners = product((unit.entering.low, unit.entering.high), (unit.ranges[name].low, top))
        for value, factor in corners:
            pins = (Pin((name,), factor),)
            both = Condition(stage=0, pins=pins, target=only(value))
            yield f"{value}_by_{factor}", BinClass.MULTIPLIER, (both,)


def _divisions(unit: PipelineUnit, index: int, stage: Divide) -> Iterator[Situation]:
    allowed = range_of(stage.by, unit.ranges)
    top = allowed.high
    chosen = dict.fromkeys([1, 2, 3, 4, 5, top - 1, top, top & ~1])
    divisors = [by for by in chosen if by >= 1 and by in allowed]
    for by in divisors[:_MOST_DIVISORS]:
        pins = (Pin((stage.by,), by),)
        yield f"by_{by}", BinClass.DIVISOR, (Condition(stage=index, pins=pins),)
        if by % 2:
            yield from _nearest_halves(index, pins, by)
            continue
        for (sign, bounds), off in product(SIGNS.items(), (0, -1, 1)):
            what = {0: "tie", -1: "below_tie", 1: "above_tie"}[off]
            target = Residues(bounds[0] + off, bounds[1] + off, by, by // 2 + off)
            about = BinClass.NEAR_TIE if off else BinClass.TIE
            yield f"{what}_{sign}.by_{by}", about, (Condition(stage=index, pins=pins, target=target),)


def _nearest_halves(index: int, pins: tuple[Pin, ...], by: int) -> Iterator[Situation]:
    """An odd divisor has no ties: the rests on both sides of where they would be."""
    for (sign, bounds), rest in product(SIGNS.items(), (by // 2, by // 2 + 1) if by > 1 else ()):
        target = Residues(*bounds, by, rest)
        condition = Condition(stage=index, pins=pins, target=target)
        yield f"rest_{rest}_{sign}.by_{by}", BinClass.DIVISOR, (condition,)


def _digits(unit: PipelineUnit, index: int, stage: Significant) -> Iterator[Situation]:
    """Of every number of digits, values that are all ones and as long, and odd ones that are a bit longer."""
    allowed = range_of(stage.digits, unit.ranges)
    for digits, sign in product(range(max(allowed.low, 1), allowed.high + 1), SIGNS):
        pins = () if field_name(stage.digits) is None else (Pin((stage.digits,), digits),)
        for what, size in (("all_of", (1 << digits) - 1), ("a_bit_beyond", (1 << digits) + 1)):
            target = only(size if sign == "positive" else -size)
            condition = Condition(stage=index, pins=pins, target=target)
            yield f"{what}_{digits}_digits_{sign}", BinClass.DIGITS, (condition,)


def _table(index: int, stage: Table) -> Iterator[Situation]:
    """Every entry; of an interpolated one the ends of every way between two entries, and its ties."""
    step, least = 1 << stage.fraction_bits, stage.address.low
    for entry in range(1 << stage.index_bits):
        start = least + entry * step
        yield f"entry_{entry}", BinClass.TABLE, (Condition(stage=index, target=only(start)),)
        if stage.fraction_bits:
            last = Condition(stage=index, target=only(start + step - 1))
            yield f"behind_entry_{entry}", BinClass.TABLE, (last,)
    if stage.fraction_bits and stage.rounding is not None:
        yield from _event_ties(index, At.EXACT)


def _event_ties(index: int, at: At) -> Iterator[Situation]:
    """Ties as a stage reports them."""
    for sign, (low, high) in SIGNS.items():
        target = Residues(low, high)
        tie = Condition(stage=index, at=at, target=target, events=frozenset({Event.TIE}))
        yield f"tie_{sign}", BinClass.TIE, (tie,)
        rounded = frozenset({Event.ROUNDED})
        between = Condition(stage=index, at=at, target=target, events=rounded, without=frozenset({Event.TIE}))
        yield f"rounded_{sign}", BinClass.NEAR_TIE, (between,)


def _scales(unit: PipelineUnit, index: int, stage: FloatStage, name: str) -> Iterator[Situation]:
    """Ends of a scale, with ends of what it multiplies; exponents that make the last shift a power of two."""
    fraction_bits = stage.format.significand_bits - 1
    greatest = ((1 << stage.format.exponent_bits) - 1 << fraction_bits) - 1
    for what, pattern in {"zero": 0, "least": 1, "greatest": greatest}.items():
        pins = (Pin((name,), pattern),)
        yield f"scale_{what}", BinClass.SCALE, (Condition(stage=index, pins=pins),)
        for value in (unit.entering.low, unit.entering.high) if index == 0 else ():
            both = Condition(stage=0, pins=pins, target=only(value))
            yield f"{value}_by_scale_{what}", BinClass.SCALE, (both,)
    for power in range(5, stage.format.exponent_bits):
        halvings = (1 << power) - fraction_bits
        if halvings > 0:
            pins = (Pin((name,), stage.format.encode(Fraction(1, 1 << halvings))),)
            one = Condition(stage=index, pins=pins, target=only(1))
            yield f"one_shifted_by_{1 << power}", BinClass.SCALE, (one,)


def _float(unit: PipelineUnit, index: int, stage: FloatStage) -> Iterator[Situation]:
    name = field_name(stage.scale)
    if name is not None:
        yield from _scales(unit, index, stage, name)
    yield from _event_ties(index, At.ENTERING)
    clipped = frozenset({Event.SATURATED_LOW, Event.SATURATED_HIGH})
    register = Width(stage.to)
    # The last integer before the high end that a product can be: it has the format's bits only.
    unit_there = 1 << max(0, register.bits - 1 - stage.format.significand_bits)
    for end, value, event in (
        ("low", register.low, Event.SATURATED_LOW),
        ("high", register.high + 1 - unit_there, Event.SATURATED_HIGH),
    ):
        yield f"saturated_{end}", BinClass.ENDS, (Condition(stage=index, events=frozenset({event})),)
        at_end = Condition(stage=index, at=At.EXACT, target=only(value), without=clipped)
        yield f"at_{end}", BinClass.ENDS, (at_end,)
    whole = 1 << stage.format.significand_bits
    # Of a scale that makes the nearest floats a tie and its neighbour first: the last rounding shows which.
    halves = () if name is None else (Pin((name,), stage.format.encode(Fraction(1, 2 * whole))),)
    for sign, value in (("positive", whole + 1), ("negative", -whole - 1)):
        ways = (halves, ()) if halves else ((),)
        conditions = tuple(Condition(stage=index, pins=pins, target=only(value)) for pins in ways)
        yield f"conversion_tie_{sign}", BinClass.SCALE, conditions
