"""Register fields of a step: what a program fills and a datapath limits (A3)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import Field

from npusim.datapath.model import Datapath, Granularity
from npusim.errors import InputError
from npusim.files.arrays import IntegerArray
from npusim.spec.activation import ActivationBounds
from npusim.spec.interval import Interval
from npusim.spec.stages import BaseStage, Clamp, Divide, FloatStage, Significant, Table, field_name

FieldValue = Annotated[int | IntegerArray, Field(union_mode="left_to_right")]
"""One integer for the layer, or one per channel."""

FieldValues = dict[str, FieldValue]
PlainFields = Mapping[str, int | npt.NDArray[np.int64]]


class Activation(StrEnum):
    """Which bounds of a step's clamp an activation function set (A4)."""

    NONE = "none"
    LOW = "low"
    HIGH = "high"
    BOTH = "both"

    @property
    def bounds(self) -> ActivationBounds:
        """The spec's flag."""
        return ActivationBounds[self.name]


class Keeps(StrEnum):
    """What a step on the MAC array makes of its accumulators."""

    CODES = "codes"
    """Activation codes, through the result pipeline."""
    ACCUMULATORS = "accumulators"
    """Themselves: another step rescales them."""


def needed_fields(stages: tuple[BaseStage, ...]) -> list[str]:
    """The fields that a pipeline reads, in the order of its stages."""
    names: dict[str, None] = {}
    for stage in stages:
        names |= {name: None for operand in stage.operands() if (name := field_name(operand))}
        if isinstance(stage, Table):
            names[stage.table] = None
    return list(names)


def field_hulls(fields: PlainFields) -> dict[str, Interval]:
    """The hull of each field's values: the spec's `Ranges`, for one step."""
    return {name: Interval(int(np.min(value)), int(np.max(value))) for name, value in fields.items()}


def check_fields(
    fields: PlainFields, stages: tuple[BaseStage, ...], datapath: Datapath, channels: int, key: str
) -> None:
    """A3: every field a pipeline reads is there, fits its register, and has as many values as it may.

    Raises
    ------
    InputError
        With `key` and the field's name.
    """
    needed = needed_fields(stages)
    for name in needed:
        if name not in fields:
            raise InputError("a field of the datapath's pipeline is missing", key=f"{key}.{name}")
    tables = {stage.table: stage.entries for stage in stages if isinstance(stage, Table)}
    for name, value in fields.items():
        if name in tables:
            _check_table(value, tables[name], f"{key}.{name}")
            check_range(name, value, datapath, f"{key}.{name}")
        else:
            check_field(name, value, datapath, channels, f"{key}.{name}")
    for stage in stages:
        _check_values(stage, fields, key)


def _check_table(value: FieldValue, entries: int, key: str) -> None:
    if np.size(value) != entries:
        raise InputError(
            "the table has the wrong length", key=key, found=np.size(value), allowed=str(entries)
        )


def _check_values(stage: BaseStage, fields: PlainFields, key: str) -> None:
    """What widths alone do not say: bounds in order, float scales finite."""
    if isinstance(stage, Clamp) and isinstance(stage.low, str) and isinstance(stage.high, str):
        low, high = fields[stage.low], fields[stage.high]
        if np.any(np.greater(low, high)):
            raise InputError(
                f"{stage.low} is above {stage.high}",
                key=f"{key}.{stage.low}",
                found=low,
                allowed=f"up to {high}",
            )
    if isinstance(stage, Divide) and isinstance(stage.by, str) and np.any(np.less(fields[stage.by], 1)):
        raise InputError(
            "a divisor must be positive", key=f"{key}.{stage.by}", found=fields[stage.by], allowed="1 or more"
        )
    if isinstance(stage, Significant) and isinstance(stage.digits, str):
        digits = fields[stage.digits]
        if np.any(np.less(digits, 1)):
            key = f"{key}.{stage.digits}"
            raise InputError("no number of significant bits", key=key, found=digits, allowed="1 or more")
    if isinstance(stage, FloatStage) and isinstance(stage.scale, str):
        patterns = np.asarray(fields[stage.scale], np.int64)
        exponents = patterns >> (stage.format.significand_bits - 1)
        infinite = (1 << stage.format.exponent_bits) - 1
        if np.any(exponents & infinite == infinite):
            raise InputError(f"a {stage.stage} scale must be finite", key=f"{key}.{stage.scale}")


def check_field(
    name: str, value: int | npt.NDArray[np.int64], datapath: Datapath, channels: int, key: str
) -> None:
    """A3: the datapath has such a field, the value fits its register and has as many entries as it may.

    Raises
    ------
    InputError
        With `key`.
    """
    check_range(name, value, datapath, key)
    register = datapath.fields[name]
    if isinstance(value, int):
        return
    if register.per is Granularity.LAYER:
        raise InputError("the datapath has one register per layer", key=key, found=f"{value.size} values")
    if value.shape != (channels,):
        raise InputError("one value per channel is wanted", key=key, found=value.shape, allowed=str(channels))


def check_range(name: str, value: FieldValue, datapath: Datapath, key: str) -> None:
    """A3: the datapath has such a field, and every value fits its register."""
    if name not in datapath.fields:
        raise InputError("the datapath has no such field", key=key, allowed=", ".join(datapath.fields))
    register = datapath.fields[name]
    low, high = int(np.min(value)), int(np.max(value))
    limits = register.interval
    if low not in limits or high not in limits:
        raise InputError(
            f"does not fit the datapath's {register.bits}-bit field",
            key=key,
            found=low if low not in limits else high,
            allowed=str(limits),
        )
