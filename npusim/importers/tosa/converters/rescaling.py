"""RESCALE and TABLE."""

from __future__ import annotations

import numpy as np

from npusim.importers.tosa.builder import CODES, Builder
from npusim.importers.tosa.checks import require_rank, require_some_rank, single
from npusim.importers.tosa.graph import Array, Operator
from npusim.importers.tosa.schema import RoundingMode
from npusim.spec.interval import Interval
from npusim.spec.width import Width
from npusim.steps.interpolate_words import InterpolateWordsStep
from npusim.steps.recode import RecodeStep
from npusim.steps.rescale_words import RescaleWordsStep

_PIVOT = 31
"""DOUBLE_ROUND rounds twice where the shift is beyond it."""


def _rescale(operator: Operator, builder: Builder) -> None:
    x, y = builder.tensor(operator, 0), builder.output(operator)
    unsigned_in, unsigned_out = operator.flag("input_unsigned"), operator.flag("output_unsigned")
    _check_signs(operator, x.kind, y.kind)
    first, right = _shifts(operator, builder)
    register = Width(CODES[y.kind].bits, not unsigned_out)
    made = builder.add(
        RescaleWordsStep,
        y.name,
        (builder.value(operator, 0, signed=not unsigned_in),),
        bits=register.bits,
        signed=register.signed,
        fields={
            "input_zp": _zero_point(operator, builder, 3, unsigned_in),
            "output_zp": _zero_point(operator, builder, 4, unsigned_out),
            "multiplier": _plain(_multiplier(operator, builder)),
            "first_shift": _plain(first),
            "right_shift": _plain(right),
            "least": register.low,
            "greatest": register.high,
        },
    )
    builder.finish(operator, made)


def _check_signs(operator: Operator, x: str, y: str) -> None:
    """Only 8- and 16-bit values are read as unsigned, and not both at once."""
    flags = operator.flag("input_unsigned"), operator.flag("output_unsigned")
    wide = x in {"INT32", "INT48"} or y == "INT32"
    if all(flags) or (any(flags) and wide):
        raise operator.error("values cannot be unsigned here", found=f"{x} to {y}, unsigned: {flags}")


def _zero_point(operator: Operator, builder: Builder, place: int, unsigned: bool) -> int:
    value, kind = single(operator, builder, place), builder.tensor(operator, place).kind
    if unsigned:
        value %= 1 << CODES[kind].bits
    allowed = {0, 1 << 15} if kind == "INT16" and unsigned else {0}
    if kind != "INT8" and value not in allowed:
        raise operator.error(f"input {place} is no zero point of {kind}", found=value)
    return value


def _per_channel(operator: Operator, builder: Builder, place: int) -> Array:
    """A constant with one value, or one for each index along the last axis."""
    (size,) = require_rank(operator, builder, place, 1)
    channels = 1
    if operator.flag("per_channel"):
        channels = require_some_rank(operator, builder)[-1]
    if size != channels:
        raise operator.error(f"input {place} has the wrong length", found=size, allowed=str(channels))
    return builder.constant(operator, place)


def _multiplier(operator: Operator, builder: Builder) -> Array:
    wide = operator.flag("scale32")
    values, kind = _per_channel(operator, builder, 1), builder.tensor(operator, 1).kind
    if kind != ("INT32" if wide else "INT16"):
        raise operator.error("multipliers of another type than scale32 says", found=kind)
    if wide and builder.tensor(operator, 0).kind == "INT48":
        raise operator.error("48-bit values go with 16-bit multipliers")
    if values.min() < 0:
        raise operator.error("a multiplier is negative", found=int(values.min()))
    return values


def _shifts(operator: Operator, builder: Builder) -> tuple[Array, Array]:
    """What is shifted with ties up, and after that with ties away from zero."""
    shifts, mode = _per_channel(operator, builder, 2), operator.integer("rounding_mode")
    if shifts.min() < 2 or shifts.max() > 62:
        found = (int(shifts.min()), int(shifts.max()))
        raise operator.error("a shift is out of range", found=found, allowed="2..62")
    if mode == RoundingMode.SINGLE_ROUND:
        return shifts, np.zeros_like(shifts)
    if mode == RoundingMode.INEXACT_ROUND:
        raise operator.unsupported("inexact rounding has no bits to be exact to")
    if mode != RoundingMode.DOUBLE_ROUND or not operator.flag("scale32"):
        raise operator.error("double rounding goes with 32-bit multipliers", found=mode)
    return np.minimum(shifts, _PIVOT), np.maximum(shifts - _PIVOT, 0)


def _plain(values: Array) -> int | Array:
    return int(values[0]) if values.size == 1 else values


def _table(operator: Operator, builder: Builder) -> None:
    x, y = builder.tensor(operator, 0), builder.output(operator)
    (size,) = require_rank(operator, builder, 1, 1)
    entries = 256 if x.kind == "INT8" else 513
    if size != entries:
        raise operator.error("the table has the wrong length", found=size, allowed=str(entries))
    table, value = builder.constant(operator, 1), builder.value(operator, 0, signed=True)
    if x.kind == "INT8":
        made = builder.add(RecodeStep, y.name, (value,), bits=8, signed=True, table=table.reshape(1, -1))
    else:
        steepest = Interval(int(np.diff(table).min()), int(np.diff(table).max()))
        if not steepest.within(Interval.of(CODES["INT16"])):
            raise operator.error("entries beside each other lie too far apart", found=str(steepest))
        made = builder.add(InterpolateWordsStep, y.name, (value,), bits=32, fields={"entries": table})
    builder.finish(operator, made)


CONVERTERS = {"RESCALE": _rescale, "TABLE": _table}
