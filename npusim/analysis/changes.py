"""Single-rule changes of a rescale: what RTL gets wrong, and what variants of a datapath do differently."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from npusim.analysis.change import Change, Family, Pipeline, inserted, staged, with_stages
from npusim.analysis.rescale import Rescale
from npusim.analysis.shift_changes import rounding_changes, shift_changes
from npusim.analysis.table_changes import table_changes
from npusim.spec.stages import (
    Add,
    BaseStage,
    Clamp,
    Divide,
    FloatStage,
    Multiply,
    Saturate,
    ShiftRight,
    Significant,
    Table,
    Wrap,
    field_name,
)
from npusim.spec.width import Overflow, Width

_WORD_BITS = 64


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
    if isinstance(stage, (ShiftRight, FloatStage, Divide, Significant)) or (
        isinstance(stage, Table) and stage.rounding is not None
    ):
        yield from rounding_changes(index, stage, place)
    match stage:
        case ShiftRight():
            yield from shift_changes(index, stage, stages, place)
        case Table():
            yield from table_changes(stage, place)
        case Add():
            yield from _additions(index, stage, place)
        case Clamp():
            yield from _clamps(index, stage, stages, pipeline)
        case Saturate(to=to, to_signed=signed):
            yield staged(
                Family.OVERFLOW, f"{place}: wraps to {to} bits", index, Wrap(to=to, to_signed=signed)
            )
        case Wrap(to=to, to_signed=signed):
            other = Saturate(to=to, to_signed=signed)
            yield staged(Family.OVERFLOW, f"{place}: saturates to {to} bits", index, other)
        case Multiply():
            for bits in (32, 48):
                for rule in Overflow:
                    short = replace(stage, bits=bits, signed=True, overflow=rule)
                    yield staged(
                        Family.OVERFLOW, f"{place}: the product {rule}s at {bits} bits", index, short
                    )
    if stage.overflow is not None:
        other_rule = next(rule for rule in Overflow if rule is not stage.overflow)
        changed = replace(stage, overflow=other_rule)
        text = f"{place}: the register {other_rule}s"
        yield staged(Family.OVERFLOW, text, index, changed, f"{place}.overflow: {other_rule}")


def _additions(index: int, stage: Add, place: str) -> Iterator[Change]:
    operand = stage.operand
    negative = -operand if isinstance(operand, int) else operand[1:] if operand[0] == "-" else f"-{operand}"
    changed = replace(stage, operand=negative)
    yield staged(Family.ZERO_POINT, f"{place}: {operand} has the other sign", index, changed)
    yield Change(
        Family.ZERO_POINT, f"{place}: {operand} is left out", lambda r: with_stages(r, index, index + 1)
    )


def _clamps(index: int, stage: Clamp, stages: tuple[BaseStage, ...], pipeline: Pipeline) -> Iterator[Change]:
    place, codes = f"{pipeline.place}[{index}]", pipeline.codes
    wrapped = Wrap(to=codes.bits, to_signed=codes.signed)
    yield staged(Family.OVERFLOW, f"{place}: wraps to {codes.bits} bits", index, wrapped)
    saturated = Saturate(to=codes.bits, to_signed=codes.signed)
    yield staged(Family.CLAMP, f"{place}: clamps to the code range only", index, saturated)
    for text, changed in (
        (f"{stage.low} is not applied", replace(stage, low=codes.low)),
        (f"{stage.high} is not applied", replace(stage, high=codes.high)),
    ):
        yield staged(Family.CLAMP, f"{place}: {text}", index, changed)
    symmetric = Clamp(low=codes.low + 1, high=codes.high)
    symmetric_text = f"{place}: also clamps to {codes.low + 1}..{codes.high}"
    yield Change(Family.CLAMP, symmetric_text, inserted(index + 1, symmetric))
    if index and isinstance(stages[index - 1], Add):
        earlier = (stage, stages[index - 1], wrapped)
        text = f"{place}: clamps before the addition, then wraps"
        yield Change(Family.CLAMP, text, lambda r: with_stages(r, index - 1, index + 1, *earlier))


def _of_fields(stages: tuple[BaseStage, ...], pipeline: Pipeline) -> Iterator[Change]:
    names = dict.fromkeys(
        name for stage in stages for operand in stage.operands() if (name := field_name(operand))
    )
    for name in names:
        register = pipeline.registers.get(name)
        if register is not None and 1 < register.bits < _WORD_BITS - 1:
            short = Width(register.bits - 1, register.signed)
            text = f"the field {name} is one bit short ({short})"
            setting = f"fields.{name}.bits: {register.bits - 1}"
            yield Change(Family.FIELD_WIDTH, text, _reread(name, short), setting)
            other = Width(register.bits, not register.signed)
            text = f"the field {name} is read as {'signed' if other.signed else 'unsigned'}"
            yield Change(
                Family.FIELD_WIDTH, text, _reread(name, other), f"fields.{name}.signed: {other.signed}"
            )
        for step, text in ((1, "previous"), (-1, "next")) if pipeline.neighbours else ():
            yield Change(
                Family.CHANNEL, f"the field {name} is that of the {text} channel", _rolled(name, step)
            )


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
            Family.OFF_BY_ONE,
            f"the value that enters is off by {amount:+d}",
            inserted(0, more),
        )
        if last > 0:
            text = f"the result is off by {amount:+d} before the last stage"
            yield Change(Family.OFF_BY_ONE, text, inserted(last, more))
