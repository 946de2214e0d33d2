"""Single-rule changes of a rescale: what RTL gets wrong, and what variants of a datapath do differently."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from npusim.analysis.rescale import Rescale, Words
from npusim.datapath.model import RegisterField
from npusim.spec.rounding import Rounding
from npusim.spec.stages import (
    Add,
    BaseStage,
    Clamp,
    Float32,
    Multiply,
    Operand,
    Saturate,
    ShiftRight,
    Table,
    Wrap,
    field_name,
)
from npusim.spec.width import Overflow, Width


class Family(StrEnum):
    """What kind of rule a change changes."""

    ROUNDING = "rounding"
    OVERFLOW = "overflow"
    SHIFT_PLACE = "shift place"
    FIELD_WIDTH = "field width"
    ZERO_POINT = "zero point"
    OFF_BY_ONE = "off by one"
    CLAMP = "clamp"
    CHANNEL = "channel"
    BIAS = "bias"
    ACCUMULATOR = "accumulator"
    PADDING = "padding"


@dataclass(frozen=True, eq=False)
class Change:
    """One rule of a pipeline, changed.

    Attributes
    ----------
    setting
        The same as a line under a datapath's ``set``; None: datapaths cannot say it.
    apply
        From a rescale to the changed one. It reads whole rescales: a channel's neighbour may matter.
    """

    family: Family
    text: str
    apply: Callable[[Rescale], Rescale]
    setting: str | None = None


@dataclass(frozen=True)
class Pipeline:
    """What the catalogue must know of a pipeline besides its stages.

    Attributes
    ----------
    place
        Such as ``pipelines.mac.result``.
    codes
        The register of its results.
    registers
        The datapath's fields.
    """

    place: str
    codes: Width
    registers: Mapping[str, RegisterField]


def catalogue(stages: tuple[BaseStage, ...], pipeline: Pipeline) -> list[Change]:
    """Every single-rule change of a pipeline.

    Examples
    --------
    >>> from npusim.spec.rounding import Rounding
    >>> stages = (ShiftRight(by=("shift",), rounding=Rounding.FLOOR),)
    >>> found = catalogue(stages, Pipeline("pipelines.mac.result", Width(8), {}))
    >>> found[0].setting
    'pipelines.mac.result[0].rounding: half_up'
    """
    found: list[Change] = []
    for index, stage in enumerate(stages):
        found += _of_stage(index, stage, stages, pipeline)
    found += _of_fields(stages, pipeline)
    found += _off_by_one(stages)
    return found


def _of_stage(
    index: int, stage: BaseStage, stages: tuple[BaseStage, ...], pipeline: Pipeline
) -> Iterator[Change]:
    place = f"{pipeline.place}[{index}]"
    if isinstance(stage, (ShiftRight, Float32)) or (isinstance(stage, Table) and stage.rounding is not None):
        yield from _roundings(index, stage, place)
    match stage:
        case ShiftRight():
            yield from _shifts(index, stage, stages, place)
        case Add():
            yield from _additions(index, stage, place)
        case Clamp():
            yield from _clamps(index, stage, stages, pipeline)
        case Saturate(to=to, to_signed=signed):
            yield _staged(Family.OVERFLOW, f"{place}: wraps to {to} bits", index, Wrap(to=to, to_signed=signed))
        case Wrap(to=to, to_signed=signed):
            other = Saturate(to=to, to_signed=signed)
            yield _staged(Family.OVERFLOW, f"{place}: saturates to {to} bits", index, other)
        case Multiply():
            for bits in (32, 48):
                for rule in Overflow:
                    short = replace(stage, bits=bits, signed=True, overflow=rule)
                    yield _staged(Family.OVERFLOW, f"{place}: the product {rule}s at {bits} bits", index, short)
    if stage.overflow is not None:
        other_rule = next(rule for rule in Overflow if rule is not stage.overflow)
        changed = replace(stage, overflow=other_rule)
        text = f"{place}: the register {other_rule}s"
        yield _staged(Family.OVERFLOW, text, index, changed, f"{place}.overflow: {other_rule}")


def _staged(family: Family, text: str, index: int, stage: BaseStage, setting: str | None = None) -> Change:
    """A change of one stage."""
    return Change(family, text, lambda r: _with(r, index, index + 1, stage), setting)


def _with(rescale: Rescale, start: int, stop: int, *stages: BaseStage) -> Rescale:
    """The stages start..stop-1 replaced."""
    return replace(rescale, stages=(*rescale.stages[:start], *stages, *rescale.stages[stop:]))


def _roundings(index: int, stage: ShiftRight | Float32 | Table, place: str) -> Iterator[Change]:
    for rule in Rounding:
        if rule is not stage.rounding:
            text, changed = f"{place}: rounds {rule}, not {stage.rounding}", replace(stage, rounding=rule)
            yield _staged(Family.ROUNDING, text, index, changed, f"{place}.rounding: {rule}")


def _shifts(index: int, stage: ShiftRight, stages: tuple[BaseStage, ...], place: str) -> Iterator[Change]:
    if stage.rounding is Rounding.HALF_UP:
        yield Change(
            Family.ROUNDING, f"{place}: the rounding constant is half as large", _constant(index, stage.by, 2)
        )
    longer = replace(stage, by=(*stage.by, 1))
    yield _staged(Family.OFF_BY_ONE, f"{place}: shifts one bit too far", index, longer)
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
    yield _staged(Family.SHIFT_PLACE, f"{place}: {operand} is left out", index, without)
    twice = replace(stage, by=(*stage.by, operand))
    yield _staged(Family.SHIFT_PLACE, f"{place}: {operand} is shifted by twice", index, twice)
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
            return _with(rescale, index, index + 1, without, alone)
        changed = _with(rescale, index, index + 1, without)
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
        return _with(made, index, index + 1, Add(operand=name), replace(stage, rounding=Rounding.FLOOR))

    return apply


def _shorter(index: int, stage: ShiftRight) -> Callable[[Rescale], Rescale]:
    def apply(rescale: Rescale) -> Rescale:
        name, made = _field(rescale, "shift", np.maximum(_total(rescale, stage.by) - 1, 0))
        return _with(made, index, index + 1, replace(stage, by=(name,)))

    return apply


def _additions(index: int, stage: Add, place: str) -> Iterator[Change]:
    operand = stage.operand
    negative = -operand if isinstance(operand, int) else operand[1:] if operand[0] == "-" else f"-{operand}"
    changed = replace(stage, operand=negative)
    yield _staged(Family.ZERO_POINT, f"{place}: {operand} has the other sign", index, changed)
    yield Change(Family.ZERO_POINT, f"{place}: {operand} is left out", lambda r: _with(r, index, index + 1))


def _clamps(index: int, stage: Clamp, stages: tuple[BaseStage, ...], pipeline: Pipeline) -> Iterator[Change]:
    place, codes = f"{pipeline.place}[{index}]", pipeline.codes
    wrapped = Wrap(to=codes.bits, to_signed=codes.signed)
    yield _staged(Family.OVERFLOW, f"{place}: wraps to {codes.bits} bits", index, wrapped)
    saturated = Saturate(to=codes.bits, to_signed=codes.signed)
    yield _staged(Family.CLAMP, f"{place}: clamps to the code range only", index, saturated)
    for text, changed in (
        (f"{stage.low} is not applied", replace(stage, low=codes.low)),
        (f"{stage.high} is not applied", replace(stage, high=codes.high)),
    ):
        yield _staged(Family.CLAMP, f"{place}: {text}", index, changed)
    symmetric = Clamp(low=codes.low + 1, high=codes.high)
    symmetric_text = f"{place}: also clamps to {codes.low + 1}..{codes.high}"
    yield Change(Family.CLAMP, symmetric_text, lambda r: _with(r, index + 1, index + 1, symmetric))
    if index and isinstance(stages[index - 1], Add):
        earlier = (stage, stages[index - 1], wrapped)
        text = f"{place}: clamps before the addition, then wraps"
        yield Change(Family.CLAMP, text, lambda r: _with(r, index - 1, index + 1, *earlier))


def _of_fields(stages: tuple[BaseStage, ...], pipeline: Pipeline) -> Iterator[Change]:
    names = dict.fromkeys(name for stage in stages for operand in stage.operands() if (name := field_name(operand)))
    for name in names:
        register = pipeline.registers.get(name)
        if register is not None and register.bits > 1:
            short = Width(register.bits - 1, register.signed)
            text = f"the field {name} is one bit short ({short})"
            setting = f"fields.{name}.bits: {register.bits - 1}"
            yield Change(Family.FIELD_WIDTH, text, _reread(name, short), setting)
            other = Width(register.bits, not register.signed)
            text = f"the field {name} is read as {'signed' if other.signed else 'unsigned'}"
            yield Change(Family.FIELD_WIDTH, text, _reread(name, other), f"fields.{name}.signed: {other.signed}")
        for step, text in ((1, "previous"), (-1, "next")):
            yield Change(Family.CHANNEL, f"the field {name} is that of the {text} channel", _rolled(name, step))


def _reread(name: str, register: Width) -> Callable[[Rescale], Rescale]:
    """The field's low bits, read as another register's."""

    def apply(rescale: Rescale) -> Rescale:
        kept = np.asarray(rescale.fields[name], np.int64) & ((1 << register.bits) - 1)
        values = np.where(kept > register.high, kept - (1 << register.bits), kept)
        if isinstance(rescale.fields[name], int):
            values = values.reshape(())
        return replace(rescale, fields={**rescale.fields, name: values})

    return apply


def _rolled(name: str, step: int) -> Callable[[Rescale], Rescale]:
    def apply(rescale: Rescale) -> Rescale:
        values = np.roll(np.atleast_1d(np.asarray(rescale.fields[name], np.int64)), step)
        return replace(rescale, fields={**rescale.fields, name: values if values.size > 1 else values[0]})

    return apply


def _off_by_one(stages: tuple[BaseStage, ...]) -> Iterator[Change]:
    last = len(stages) - 1
    for amount in (1, -1):
        more = Add(operand=amount)
        yield Change(
            Family.OFF_BY_ONE, f"the value that enters is off by {amount:+d}", lambda r, s=more: _with(r, 0, 0, s)
        )
        if last > 0:
            text = f"the result is off by {amount:+d} before the last stage"
            yield Change(Family.OFF_BY_ONE, text, lambda r, s=more: _with(r, last, last, s))
