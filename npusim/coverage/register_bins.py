"""Bins of registers: what they hold, and both sides of the ends of those that limit."""

from __future__ import annotations

from collections.abc import Iterator

from npusim.coverage.bins import At, BinClass, Condition, Pin
from npusim.coverage.residues import Residues
from npusim.coverage.unit import PipelineUnit
from npusim.spec.interval import Interval
from npusim.spec.pipeline import reach
from npusim.spec.stages import Clamp, Operand, field_name
from npusim.spec.width import Width

Situation = tuple[str, BinClass, tuple[Condition, ...]]

FAR = 1 << 200
"""Beyond every value."""

SIGNS = {"positive": (1, FAR), "negative": (-FAR, -1)}


def patterns(held: Interval) -> list[int]:
    """One bit alone, and all but one: what tells each wire of a register from its neighbours."""
    alone = [1 << bit for bit in range(held.bits)]
    return [value for value in (*alone, *(~one for one in alone)) if value in held]


def held(
    unit: PipelineUnit, index: int, operand: Operand, about: BinClass, others: tuple[int, ...]
) -> Iterator[Situation]:
    """The ends of a register, and other values it can hold."""
    name = field_name(operand)
    if name is None:
        return
    allowed = unit.ranges[name]
    for value in dict.fromkeys([allowed.low, allowed.high, *others]):
        if value in allowed:
            yield f"{name}_is_{value}", about, (Condition(stage=index, pins=(Pin((name,), value),)),)


def ends(unit: PipelineUnit, index: int, register: Width, at: At) -> Iterator[Situation]:
    """Both sides of both ends of a register, and what lies further out, by how many bits."""
    low, high = register.low, register.high
    sides = {
        "below_low": Residues(low - 1, low - 1),
        "at_low": Residues(low, low),
        "at_high": Residues(high, high),
        "above_high": Residues(high + 1, high + 1),
    }
    for bits, (near, far) in _distances(unit, index, at):
        sides[f"below_low_by_{bits}_bits"] = Residues(low - far, low - near)
        sides[f"above_high_by_{bits}_bits"] = Residues(high + near, high + far)
    for what, target in sides.items():
        yield f"{register}_{what}", BinClass.ENDS, (Condition(stage=index, at=at, target=target),)


def _distances(unit: PipelineUnit, index: int, at: At) -> Iterator[tuple[int, tuple[int, int]]]:
    """How far beyond an end a value can be: by number of bits, the least and the greatest of so many.

    The last takes in what is further out: ranges need not be reached to their very ends.
    """
    before = [unit.entering, *reach(unit.stages[:index], unit.entering, unit.ranges)][-1]
    entering = before if at is At.ENTERING else unit.stages[index].exact_reach(before, unit.ranges)
    most = max(2, entering.bits - 2)
    for bits in range(2, most + 1):
        yield bits, (1 << bits - 1, (1 << bits) - 1 if bits < most else FAR)


def extremes(unit: PipelineUnit, index: int) -> Iterator[Situation]:
    """The least and the greatest results of a stage, as far out as can be: they need its whole register."""
    before = [unit.entering, *reach(unit.stages[:index], unit.entering, unit.ranges)][-1]
    exact = unit.stages[index].exact_reach(before, unit.ranges)
    for what, end in (("least", exact.low), ("greatest", exact.high)):
        nearer = [end - (end // part if end >= 0 else -(-end // part)) for part in (1 << 40, 16, 4, 2)]
        sides = (Residues(min(near, end), max(near, end)) for near in dict.fromkeys(nearer))
        conditions = tuple(Condition(stage=index, at=At.EXACT, target=side) for side in sides)
        yield f"{what}_results", BinClass.ENDS, conditions


def clamp(unit: PipelineUnit, index: int, stage: Clamp) -> Iterator[Situation]:
    """Both sides of both bounds, also of bounds of one bit alone, and what lies further out."""
    if field_name(stage.low) is not None and field_name(stage.high) is not None:
        pins = (Pin((stage.low, f"-{stage.high}"), 0),)
        yield "bounds_meet", BinClass.BOUND, (Condition(stage=index, pins=pins),)
    for end, bound, out in (("low", stage.low, -1), ("high", stage.high, 1)):
        beyond = "below" if out < 0 else "above"
        yield from held(unit, index, bound, BinClass.BOUND, (0,))
        name = field_name(bound)
        for value in patterns(unit.ranges[name]) if name is not None else ():
            for what, off in ((f"at_{end}", 0), (f"{beyond}_{end}", out)):
                pins = (Pin((bound,), value),)
                target = only(off)
                condition = Condition(stage=index, pins=pins, minus=bound, target=target)
                yield f"{what}_of_{value}", BinClass.BOUND, (condition,)
        sides = {f"at_{end}": only(0), f"{beyond}_{end}": only(out)}
        for bits, distances in _distances(unit, index, At.ENTERING):
            least, most = sorted(out * distance for distance in distances)
            sides[f"{beyond}_{end}_by_{bits}_bits"] = Residues(least, most)
        for what, target in sides.items():
            yield what, BinClass.ENDS, (Condition(stage=index, minus=bound, target=target),)


def only(value: int) -> Residues:
    """One value."""
    return Residues(value, value)
