"""Solving backwards: what must enter a stage, and what its registers must hold, for a wanted result.

Each rule is a guess at an inverse; whatever comes of it is run through the spec before it counts.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction

from npusim.coverage.factors import divisors, factorize
from npusim.coverage.residues import Residues
from npusim.coverage.unit import PipelineUnit, PipelineVector, Registers
from npusim.spec.interval import Interval
from npusim.spec.rounding import Rounding
from npusim.spec.stages import (
    Add,
    BaseStage,
    Divide,
    FloatStage,
    Multiply,
    Operand,
    SelectNegative,
    ShiftLeft,
    ShiftRight,
    Significant,
    Table,
    field_name,
)
from npusim.spec.stages.base import value_of

Step = tuple[Residues, Registers]

_NEAR = 3
_DRAWN = 48
_SHIFTS = 40
FEW = 64
"""So many products are taken apart one by one."""
_NEAREST_MODES = {rule for rule in Rounding if rule.value.startswith("half_")}


def preimages(
    unit: PipelineUnit,
    stages: Sequence[BaseStage],
    target: Residues,
    fields: Registers,
    reached: Sequence[Interval],
) -> Iterator[PipelineVector]:
    """Vectors whose value, behind `stages`, may be a member of `target`; see `preimage_sets`."""
    for before, held in preimage_sets(unit, stages, target, fields, reached):
        for value in before.nearest(_NEAR):
            yield PipelineVector(value, held)


def preimage_sets(
    unit: PipelineUnit,
    stages: Sequence[BaseStage],
    target: Residues,
    fields: Registers,
    reached: Sequence[Interval],
) -> Iterator[Step]:
    """Values that `stages` may make members of `target`, with what registers hold then.

    Parameters
    ----------
    fields
        What registers must hold; the others are chosen.
    reached
        What can enter the first stage, and what can leave each.
    """
    target = target.within(reached[len(stages)])
    if not target:
        return
    if not stages:
        yield target, fields
        return
    for before, chosen in _inverse(stages[-1], target, fields, unit.ranges, reached[len(stages) - 1]):
        yield from preimage_sets(unit, stages[:-1], before, {**fields, **chosen}, reached)


def _inverse(
    stage: BaseStage, target: Residues, fields: Registers, ranges: Mapping[str, Interval], entering: Interval
) -> Iterator[Step]:
    match stage:
        case Add():
            members = tuple(target.nearest(1))
            for value, chosen in _choices(stage.operand, fields, ranges, (0, 1, -1, *members)):
                yield target.moved(-value), chosen
        case Multiply():
            yield from _products(stage.by, target, fields, ranges, entering)
        case SelectNegative():
            for operand, half in ((stage.positive, Interval(0, entering.high)),
                                  (stage.negative, Interval(entering.low, -1))):  # fmt: skip
                for before, chosen in _products(operand, target, fields, ranges, half):
                    yield before.within(half), chosen
        case ShiftLeft():
            for by, chosen in _choices(stage.by, fields, ranges, tuple(range(65))):
                yield target.quotients(1 << by), chosen
        case ShiftRight():
            for by, chosen in _shifts(stage.by, fields, ranges):
                for before in _shifted(target, by, stage.rounding):
                    yield before, chosen
        case Divide():
            for by, chosen in _choices(stage.by, fields, ranges, (1, 2, 3)):
                for before in _multiplied(target, by):
                    yield before, chosen
        case Significant():
            for _, chosen in _choices(stage.digits, fields, ranges, (ranges_high(stage, ranges),)):
                yield target, chosen
        case Table():
            if stage.table in fields:
                yield from _entries(stage, target, fields)
            else:
                yield from _constant_tables(stage, target)
        case FloatStage():
            yield from _scaled(stage, target, fields)
        case _:
            yield target, {}


def ranges_high(stage: Significant, ranges: Mapping[str, Interval]) -> int:
    """The most digits a stage can be told to keep."""
    name = field_name(stage.digits)
    return ranges[name].high if name is not None else value_of(stage.digits, {})


def _choices(
    operand: Operand, fields: Registers, ranges: Mapping[str, Interval], liked: tuple[int, ...]
) -> Iterator[tuple[int, Registers]]:
    """Values an operand may stand for: the given one, or liked ones, then the register's ends."""
    name = field_name(operand)
    if name is None or name in fields:
        yield value_of(operand, fields), {}
        return
    allowed = ranges[name]
    for held in dict.fromkeys([*liked, allowed.low, allowed.high]):
        if held in allowed:
            yield value_of(operand, {name: held}), {name: held}


def _shifts(
    by: tuple[Operand, ...], fields: Registers, ranges: Mapping[str, Interval]
) -> Iterator[tuple[int, Registers]]:
    """Total shifts: the least first, then small ones in the first register that is free."""
    names = [name for name in map(field_name, by) if name is not None and name not in fields]
    least = {name: ranges[name].low for name in names}
    everything = {**fields, **least}
    base = sum(value_of(operand, everything) for operand in by)
    yield base, {**least}
    for name in names[:1]:
        for extra in range(1, min(_SHIFTS, ranges[name].high - ranges[name].low + 1)):
            yield base + extra, {**least, name: least[name] + extra}


def _shifted(target: Residues, by: int, rounding: Rounding) -> Iterator[Residues]:
    if not by:
        yield target
        return
    for wanted in target.nearest(_NEAR):
        yield Residues(wanted << by, wanted << by)
        half = 1 << by - 1
        if rounding in _NEAREST_MODES:
            yield Residues((wanted << by) - half, (wanted << by) + half)
        else:
            yield Residues((wanted << by) - 2 * half + 1, (wanted << by) + 2 * half - 1)


def _multiplied(target: Residues, by: int) -> Iterator[Residues]:
    if by == 1:
        yield target
        return
    for wanted in target.nearest(_NEAR):
        yield Residues(wanted * by, wanted * by)


def _products(
    by: Operand, target: Residues, fields: Registers, ranges: Mapping[str, Interval], entering: Interval
) -> Iterator[Step]:
    """What times a multiplier is a member: likely multipliers first, then divisors of few members."""
    name = field_name(by)
    if name is None or name in fields:
        factor = value_of(by, fields)
        if factor:
            yield target.quotients(factor), {}
        elif 0 in target:
            yield Residues(entering.low, entering.high), {}
        return
    sign = -1 if str(by).startswith("-") else 1
    allowed = ranges[name]
    for factor in _likely(allowed):
        quotients = target.quotients(sign * factor).within(entering)
        if quotients:
            yield quotients, {name: factor}
    for value in _likely_values(entering):
        factors = target.quotients(sign * value).within(allowed)
        if factors:
            yield Residues(value, value), {name: factors.nearest(1)[0]}
    if len(target) <= FEW:
        for product in sorted(target, key=abs):
            yield from _taken_apart(product, name, sign, allowed, entering)
    elif allowed.high - allowed.low < 1 << 16:
        for factor in range(allowed.high, allowed.low - 1, -1):
            found = target.quotients(sign * factor).within(entering) if factor else None
            if found:
                yield found, {name: factor}
    else:
        for product in target.nearest(FEW // 2):
            yield from _taken_apart(product, name, sign, allowed, entering)


def _likely(allowed: Interval) -> list[int]:
    top = allowed.high
    rng = random.Random(top)
    powers = [1 << bit for bit in range(top.bit_length())]
    drawn = [rng.randint(top // 2, top) | 1 for _ in range(_DRAWN)]
    liked = [1, *reversed(powers), top, top - 1, 3, 5, 7, *drawn, -1, allowed.low, allowed.low + 1]
    return [factor for factor in dict.fromkeys(liked) if factor and factor in allowed]


def _likely_values(entering: Interval) -> list[int]:
    """Round numbers of few bits: what left shifts make of codes; and both ends."""
    tops = [1, 3, 127, 255, 511]
    shifted = [
        sign * (top << bit) for bit in reversed(range(entering.bits)) for top in tops for sign in (1, -1)
    ]
    return [
        value
        for value in dict.fromkeys([*shifted, entering.low, entering.high])
        if value in entering and value
    ]


def _taken_apart(product: int, name: str, sign: int, allowed: Interval, entering: Interval) -> Iterator[Step]:
    if not product:
        return
    for divisor in divisors(factorize(abs(product))):
        for factor in (divisor, -divisor):
            if factor in allowed and sign * product // factor in entering:
                yield Residues(sign * product // factor, sign * product // factor), {name: factor}


def _entries(stage: Table, target: Residues, fields: Registers) -> Iterator[Step]:
    table = fields[stage.table]
    assert isinstance(table, tuple)
    step, least = 1 << stage.fraction_bits, stage.address.low
    scale = step if stage.fraction_bits and stage.rounding is None else 1
    for index, entry in enumerate(table[: 1 << stage.index_bits]):
        if entry * scale in target:
            yield Residues(least + index * step, least + index * step), {}


def _constant_tables(stage: Table, target: Residues) -> Iterator[Step]:
    scale = 1 << stage.fraction_bits if stage.fraction_bits and stage.rounding is None else 1
    for wanted in target.quotients(scale).nearest(_NEAR):
        everywhere = Residues(stage.address.low, stage.address.high)
        yield everywhere, {stage.table: (wanted,) * stage.entries}


def _scaled(stage: FloatStage, target: Residues, fields: Registers) -> Iterator[Step]:
    """Scales that are powers of two leave all but the last rounding alone."""
    name = field_name(stage.scale)
    if name is None or name in fields:
        significand, exponent = stage.format.decode(value_of(stage.scale, fields))
        for wanted in target.nearest(_NEAR) if significand else ():
            near = round(Fraction(wanted) / (significand * Fraction(2) ** exponent))
            yield Residues(near - 1, near + 1), {}
        return
    for power in (0, -1, 1, -8, -16, 8):
        pattern = stage.format.encode(Fraction(2) ** power)
        for wanted in target.nearest(_NEAR):
            near = wanted << -power if power < 0 else wanted >> power
            yield Residues(near, near), {name: pattern}
