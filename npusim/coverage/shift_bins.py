"""Bins of shifts: every value of every field, and of each total shift its ties and their neighbours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

from npusim.coverage.bins import BinClass, Condition, Pin
from npusim.coverage.register_bins import SIGNS, Situation
from npusim.coverage.residues import Residues
from npusim.coverage.unit import PipelineUnit
from npusim.spec.interval import Interval
from npusim.spec.pipeline import reach
from npusim.spec.stages import Operand, ShiftRight, field_name
from npusim.spec.stages.base import range_of, value_of


def shift_values(unit: PipelineUnit, index: int, by: Sequence[Operand]) -> Iterator[Situation]:
    """Every value of every field, and the corners of their sum."""
    fields = [(name, unit.ranges[name]) for name in map(field_name, by) if name is not None]
    for name, allowed in fields:
        for value in range(allowed.low, allowed.high + 1):
            pins = (Pin((name,), value),)
            yield f"{name}_is_{value}", BinClass.SHIFT, (Condition(stage=index, pins=pins),)
    if len(fields) > 1:
        for corner in product(*((allowed.low, allowed.high) for _, allowed in fields)):
            both = tuple(Pin((name,), value) for (name, _), value in zip(fields, corner, strict=True))
            what = "_".join(map(str, corner))
            # Of a large value first: what shifts it by less than it should shows.
            large = Condition(stage=index, pins=both, target=_large(unit, index))
            yield f"corner_{what}", BinClass.SHIFT, (large, Condition(stage=index, pins=both))


def _large(unit: PipelineUnit, index: int) -> Residues:
    """The greatest quarter of what can enter a stage."""
    entering = [unit.entering, *reach(unit.stages[:index], unit.entering, unit.ranges)][-1]
    return Residues(entering.high - entering.high // 4, entering.high)


def shown_shifts(unit: PipelineUnit, index: int, by: Sequence[Operand]) -> Iterator[Situation]:
    """Every value of every field where it shows: the result is 3, which no other shift would make.

    The other fields hold their least values; or the next ones, so that the sum carries; or their greatest.
    """
    fields = {name: unit.ranges[name] for name in map(field_name, by) if name is not None}
    for name, allowed in fields.items():
        for value, (beside, others) in product(range(allowed.low, allowed.high + 1), _others(fields, name)):
            held = {**others, name: value}
            total = sum(value_of(operand, held) for operand in by)
            if total >= 0:
                pins = tuple(Pin((field,), amount) for field, amount in held.items())
                three = Residues(3 << total, (4 << total) - 1)
                shown = Condition(stage=index, pins=pins, target=three)
                yield f"{name}_is_{value}.shows{beside}", BinClass.SHIFT, (shown,)
    if len(fields) > 1:
        totals = sum((range_of(operand, unit.ranges) for operand in by), start=Interval(0, 0))
        for total in range(max(1, totals.low), totals.high + 1):
            large = Condition(stage=index, pins=(Pin(tuple(by), total),), target=_large(unit, index))
            yield f"large_by_{total}", BinClass.SHIFT, (large,)


def _others(fields: dict[str, Interval], name: str) -> list[tuple[str, dict[str, int]]]:
    """What the other fields of a sum hold, and how that is named."""
    others = {other: held for other, held in fields.items() if other != name}
    if not others:
        return [("", {})]
    found = [("", {other: held.low for other, held in others.items()})]
    found.append(("_beside_1", {other: min(held.low + 1, held.high) for other, held in others.items()}))
    found.append(("_beside_most", {other: held.high for other, held in others.items()}))
    return found


def shift_ties(unit: PipelineUnit, index: int, stage: ShiftRight) -> Iterator[Situation]:
    """Of each total shift the tie of each sign and its neighbours; of any, the tie above either last bit."""
    total = sum((range_of(operand, unit.ranges) for operand in stage.by), start=Interval(0, 0))
    shifts = range(max(1, total.low), total.high + 1)
    for n, (sign, bounds) in product(shifts, SIGNS.items()):
        for what, off in (("tie", 0), ("below_tie", -1), ("above_tie", 1)):
            target = Residues(bounds[0] + off, bounds[1] + off, 1 << n, (1 << (n - 1)) + off)
            condition = Condition(stage=index, pins=(Pin(stage.by, n),), target=target)
            about = BinClass.NEAR_TIE if off else BinClass.TIE
            yield f"{what}_{sign}.by_{n}", about, (condition,)
    for (sign, bounds), last in product(SIGNS.items(), (0, 1) if shifts else ()):
        conditions = tuple(
            Condition(
                stage=index,
                pins=(Pin(stage.by, n),),
                target=Residues(*bounds, 2 << n, (1 << (n - 1)) + (last << n)),
            )
            for n in shifts
        )
        yield f"tie_{sign}_{'odd' if last else 'even'}", BinClass.TIE, conditions
