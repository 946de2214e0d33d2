"""The bins of a pipeline, derived from its stages."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from npusim.coverage.bins import At, Bin, Condition, Pin
from npusim.coverage.residues import Residues
from npusim.coverage.unit import PipelineUnit
from npusim.spec.events import Event
from npusim.spec.interval import Interval
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

Situation = tuple[str, tuple[Condition, ...]]

FAR = 1 << 200
"""Beyond every value."""

SIGNS = {"positive": (1, FAR), "negative": (-FAR, -1)}
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
            for what, conditions in _input(unit.entering):
                found.setdefault(what, Bin(f"{place}.input.{what}", conditions))
        for what, conditions in _stage(unit, index, stage):
            name = f"{place}.{index}_{stage.stage}.{what}"
            found.setdefault(name, Bin(name, conditions))
    return tuple(found.values())


def _input(entering: Interval) -> Iterator[Situation]:
    special = {"low": entering.low, "high": entering.high, "zero": 0, "one": 1, "minus_one": -1}
    for what, value in special.items():
        if value in entering:
            yield what, (Condition(stage=0, target=_only(value)),)


def _stage(unit: PipelineUnit, index: int, stage: BaseStage) -> Iterator[Situation]:
    match stage:
        case ShiftRight():
            yield from _shift_values(unit, index, stage.by)
            yield from _shift_ties(unit, index, stage)
        case ShiftLeft():
            yield from _shift_values(unit, index, (stage.by,))
        case Multiply():
            yield from _factors(unit, index, stage.by)
        case SelectNegative():
            for operand, sign in ((stage.positive, "positive"), (stage.negative, "negative")):
                for what, conditions in _factors(unit, index, operand):
                    target = Residues(*SIGNS[sign])
                    pins = conditions[0].pins
                    yield f"{sign}.{what}", (Condition(stage=index, pins=pins, target=target),)
        case Add():
            yield from _held(unit, index, stage.operand, (0,))
        case Clamp():
            yield from _clamp(unit, index, stage)
        case Saturate() | Wrap():
            yield from _ends(index, Width(stage.to, stage.to_signed), At.ENTERING)
        case Divide():
            yield from _divisions(unit, index, stage)
        case Table():
            yield from _table(index, stage)
        case Significant():
            yield from _held(unit, index, stage.digits, ())
            yield from _event_ties(index, At.ENTERING)
        case FloatStage():
            yield from _float(unit, index, stage)
    if stage.register is not None and stage.overflow is not None:
        yield from _ends(index, stage.register, At.EXACT)


def _only(value: int) -> Residues:
    return Residues(value, value)


def _held(unit: PipelineUnit, index: int, operand: Operand, others: tuple[int, ...]) -> Iterator[Situation]:
    """The ends of a register, and other values it can hold."""
    name = field_name(operand)
    if name is None:
        return
    allowed = unit.ranges[name]
    for value in dict.fromkeys([allowed.low, allowed.high, *others]):
        if value in allowed:
            yield f"{name}_is_{value}", (Condition(stage=index, pins=(Pin((name,), value),)),)


def _factors(unit: PipelineUnit, index: int, operand: Operand) -> Iterator[Situation]:
    name = field_name(operand)
    if name is None:
        return
    top = unit.ranges[name].high
    yield from _held(unit, index, operand, (0, 1, -1, top - 1, (top + 1) // 2))
    if index == 0:
        corners = product((unit.entering.low, unit.entering.high), (unit.ranges[name].low, top))
        for value, factor in corners:
            pins = (Pin((name,), factor),)
            yield f"{value}_by_{factor}", (Condition(stage=0, pins=pins, target=_only(value)),)


def _shift_values(unit: PipelineUnit, index: int, by: tuple[Operand, ...]) -> Iterator[Situation]:
    fields = [(name, unit.ranges[name]) for name in map(field_name, by) if name is not None]
    for name, allowed in fields:
        for value in range(allowed.low, allowed.high + 1):
            yield f"{name}_is_{value}", (Condition(stage=index, pins=(Pin((name,), value),)),)
    if len(fields) > 1:
        for corner in product(*((allowed.low, allowed.high) for _, allowed in fields)):
            pins = tuple(Pin((name,), value) for (name, _), value in zip(fields, corner, strict=True))
            what = "_".join(map(str, corner))
            yield f"corner_{what}", (Condition(stage=index, pins=pins),)


def _shift_ties(unit: PipelineUnit, index: int, stage: ShiftRight) -> Iterator[Situation]:
    """Of each total shift the tie of each sign and its neighbours; of any, the tie above either last bit."""
    total = sum((range_of(operand, unit.ranges) for operand in stage.by), start=Interval(0, 0))
    shifts = range(max(1, total.low), total.high + 1)
    for n, (sign, bounds) in product(shifts, SIGNS.items()):
        for what, off in (("tie", 0), ("below_tie", -1), ("above_tie", 1)):
            target = Residues(bounds[0] + off, bounds[1] + off, 1 << n, (1 << (n - 1)) + off)
            condition = Condition(stage=index, pins=(Pin(stage.by, n),), target=target)
            yield f"{what}_{sign}.by_{n}", (condition,)
    for (sign, bounds), last in product(SIGNS.items(), (0, 1) if shifts else ()):
        conditions = tuple(
            Condition(
                stage=index,
                pins=(Pin(stage.by, n),),
                target=Residues(*bounds, 2 << n, (1 << (n - 1)) + (last << n)),
            )
            for n in shifts
        )
        yield f"tie_{sign}_{'odd' if last else 'even'}", conditions


def _divisions(unit: PipelineUnit, index: int, stage: Divide) -> Iterator[Situation]:
    allowed = range_of(stage.by, unit.ranges)
    top = allowed.high
    chosen = dict.fromkeys([1, 2, 3, 4, 5, top - 1, top, top & ~1])
    divisors = [by for by in chosen if by >= 1 and by in allowed]
    for by in divisors[:_MOST_DIVISORS]:
        pins = (Pin((stage.by,), by),)
        yield f"by_{by}", (Condition(stage=index, pins=pins),)
        if by % 2:
            continue
        for (sign, bounds), off in product(SIGNS.items(), (0, -1, 1)):
            what = {0: "tie", -1: "below_tie", 1: "above_tie"}[off]
            target = Residues(bounds[0] + off, bounds[1] + off, by, by // 2 + off)
            yield f"{what}_{sign}.by_{by}", (Condition(stage=index, pins=pins, target=target),)


def _ends(index: int, register: Width, at: At) -> Iterator[Situation]:
    """Both sides of both ends of a register, and what lies further out."""
    low, high = register.low, register.high
    sides = {
        "below_low": Residues(low - 1, low - 1),
        "at_low": Residues(low, low),
        "at_high": Residues(high, high),
        "above_high": Residues(high + 1, high + 1),
        "far_below_low": Residues(-FAR, low - 2),
        "far_above_high": Residues(high + 2, FAR),
    }
    for what, target in sides.items():
        yield f"{register}_{what}", (Condition(stage=index, at=at, target=target),)


def _clamp(unit: PipelineUnit, index: int, stage: Clamp) -> Iterator[Situation]:
    for operand in (stage.low, stage.high):
        yield from _held(unit, index, operand, (0,))
    if field_name(stage.low) is not None and field_name(stage.high) is not None:
        yield "bounds_meet", (Condition(stage=index, pins=(Pin((stage.low, f"-{stage.high}"), 0),)),)
    sides = {
        "below_low": (stage.low, Residues(-1, -1)),
        "at_low": (stage.low, Residues(0, 0)),
        "at_high": (stage.high, Residues(0, 0)),
        "above_high": (stage.high, Residues(1, 1)),
        "far_below_low": (stage.low, Residues(-FAR, -2)),
        "far_above_high": (stage.high, Residues(2, FAR)),
    }
    for what, (minus, target) in sides.items():
        yield what, (Condition(stage=index, minus=minus, target=target),)


def _table(index: int, stage: Table) -> Iterator[Situation]:
    """Every entry; of an interpolated one the ends of every way between two entries, and its ties."""
    step, least = 1 << stage.fraction_bits, stage.address.low
    for entry in range(1 << stage.index_bits):
        start = least + entry * step
        yield f"entry_{entry}", (Condition(stage=index, target=_only(start)),)
        if stage.fraction_bits:
            yield f"behind_entry_{entry}", (Condition(stage=index, target=_only(start + step - 1)),)
    if stage.fraction_bits and stage.rounding is not None:
        yield from _event_ties(index, At.EXACT)


def _event_ties(index: int, at: At) -> Iterator[Situation]:
    """Ties as a stage reports them."""
    for sign, (low, high) in SIGNS.items():
        target = Residues(low, high)
        tie = Condition(stage=index, at=at, target=target, events=frozenset({Event.TIE}))
        yield f"tie_{sign}", (tie,)
        rounded = frozenset({Event.ROUNDED})
        between = Condition(stage=index, at=at, target=target, events=rounded, without=frozenset({Event.TIE}))
        yield f"rounded_{sign}", (between,)


def _float(unit: PipelineUnit, index: int, stage: FloatStage) -> Iterator[Situation]:
    name = field_name(stage.scale)
    if name is not None:
        greatest = ((1 << stage.format.exponent_bits) - 1 << stage.format.significand_bits - 1) - 1
        for what, pattern in {"zero": 0, "least": 1, "greatest": greatest}.items():
            yield f"scale_{what}", (Condition(stage=index, pins=(Pin((name,), pattern),)),)
    yield from _event_ties(index, At.ENTERING)
    clipped = frozenset({Event.SATURATED_LOW, Event.SATURATED_HIGH})
    register = Width(stage.to)
    # The last integer before the high end that a product can be: it has the format's bits only.
    unit_there = 1 << max(0, register.bits - 1 - stage.format.significand_bits)
    for end, value, event in (
        ("low", register.low, Event.SATURATED_LOW),
        ("high", register.high + 1 - unit_there, Event.SATURATED_HIGH),
    ):
        yield f"saturated_{end}", (Condition(stage=index, events=frozenset({event})),)
        at_end = Condition(stage=index, at=At.EXACT, target=_only(value), without=clipped)
        yield f"at_{end}", (at_end,)
    whole = 1 << stage.format.significand_bits
    for sign, value in (("positive", whole + 1), ("negative", -whole - 1)):
        yield f"conversion_tie_{sign}", (Condition(stage=index, target=_only(value)),)
