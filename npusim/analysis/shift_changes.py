"""Single-rule changes of right shifts: rounding, place, one bit too far or too little."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from npusim.analysis.change import Change, Family, staged, with_stages
from npusim.analysis.rescale import Rescale, Words
from npusim.spec.rounding import Rounding
from npusim.spec.stages import (
    Add,
    BaseStage,
    Divide,
    FloatStage,
    Operand,
    ShiftRight,
    Significant,
    Table,
    field_name,
)


def rounding_changes(
    index: int, stage: ShiftRight | FloatStage | Divide | Significant | Table, place: str
) -> Iterator[Change]:
    """Every other rule of A1."""
    for rule in Rounding:
        if rule is not stage.rounding:
            text, changed = f"{place}: rounds {rule}, not {stage.rounding}", replace(stage, rounding=rule)
            yield staged(Family.ROUNDING, text, index, changed, f"{place}.rounding: {rule}")


def shift_changes(
    index: int, stage: ShiftRight, stages: tuple[BaseStage, ...], place: str
) -> Iterator[Change]:
    """Another place, amount or rounding constant."""
    if stage.rounding is Rounding.HALF_UP:
        yield Change(
            Family.ROUNDING, f"{place}: the rounding constant is half as large", _constant(index, stage.by, 2)
        )
    longer = replace(stage, by=(*stage.by, 1))
    yield staged(Family.OFF_BY_ONE, f"{place}: shifts one bit too far", index, longer)
    yield Change(Family.OFF_BY_ONE, f"{place}: shifts one bit too little", _shorter(index, stage))
    if len(stage.by) > 1:
        for operand in stage.by:
            yield from _one_of_sum(index, stage, operand, place)
        if stage.rounding is Rounding.HALF_UP:
            first = stage.by[0]
            text = f"{place}: the rounding constant is that of {first} alone"
            yield Change(Family.ROUNDING, text, _constant(index, (first,), 1))
        return
    for other, target in enumerate(stages):
        if other != index and isinstance(target, ShiftRight):
            text = f"{place}: shifts together with stage {other}, one rounding"
            yield Change(Family.SHIFT_PLACE, text, _merged(index, other, target, stage))


def _one_of_sum(index: int, stage: ShiftRight, operand: Operand, place: str) -> Iterator[Change]:
    """A shift that is part of a sum: left out, twice, or as a stage of its own."""
    rest = tuple(other for other in stage.by if other != operand)
    without = replace(stage, by=rest)
    yield staged(Family.SHIFT_PLACE, f"{place}: {operand} is left out", index, without)
    twice = replace(stage, by=(*stage.by, operand))
    yield staged(Family.SHIFT_PLACE, f"{place}: {operand} is shifted by twice", index, twice)
    if operand == stage.by[0]:
        return
    for rounding in dict.fromkeys((stage.rounding, Rounding.FLOOR)):
        alone = ShiftRight(by=(operand,), rounding=rounding)
        text = f"{place}: {operand} is undone before the first stage, {rounding}"
        yield Change(Family.SHIFT_PLACE, text, _moved(index, without, alone, first=True))
        text = f"{place}: {operand} is undone after the rounding, {rounding} again"
        yield Change(Family.SHIFT_PLACE, text, _moved(index, without, alone, first=False))


def _moved(index: int, without: BaseStage, alone: BaseStage, *, first: bool) -> Callable[[Rescale], Rescale]:
    def apply(rescale: Rescale) -> Rescale:
        if not first:
            return with_stages(rescale, index, index + 1, without, alone)
        changed = with_stages(rescale, index, index + 1, without)
        return replace(changed, stages=(alone, *changed.stages))

    return apply


def _merged(index: int, other: int, target: ShiftRight, stage: ShiftRight) -> Callable[[Rescale], Rescale]:
    def apply(rescale: Rescale) -> Rescale:
        stages = list(rescale.stages)
        stages[other] = replace(target, by=(*target.by, *stage.by))
        del stages[index]
        return replace(rescale, stages=tuple(stages))

    return apply


def _total(rescale: Rescale, by: tuple[Operand, ...]) -> Words:
    """int64[channels]: a sum of operands."""
    total = np.zeros(rescale.channels, np.int64)
    for operand in by:
        name = field_name(operand)
        value = np.asarray(operand if name is None else rescale.fields[name], np.int64)
        total = total + (-value if str(operand).startswith("-") and name is not None else value)
    return total


def _field(rescale: Rescale, text: str, values: Words) -> tuple[str, Rescale]:
    """A field of its own for a change."""
    name = f"{text} {len(rescale.fields)}"
    return name, replace(rescale, fields={**rescale.fields, name: values})


def _constant(index: int, by: tuple[Operand, ...], halvings: int) -> Callable[[Rescale], Rescale]:
    """Round by adding 2^(sum(by) - halvings), then flooring: what half_up is made of."""

    def apply(rescale: Rescale) -> Rescale:
        stage = rescale.stages[index]
        assert isinstance(stage, ShiftRight)
        place = np.minimum(_total(rescale, by) - halvings, 61)
        values = np.where(place >= 0, np.left_shift(np.int64(1), np.maximum(place, 0)), 0)
        name, made = _field(rescale, "constant", values)
        return with_stages(made, index, index + 1, Add(operand=name), replace(stage, rounding=Rounding.FLOOR))

    return apply


def _shorter(index: int, stage: ShiftRight) -> Callable[[Rescale], Rescale]:
    def apply(rescale: Rescale) -> Rescale:
        name, made = _field(rescale, "shift", np.maximum(_total(rescale, stage.by) - 1, 0))
        return with_stages(made, index, index + 1, replace(stage, by=(name,)))

    return apply
