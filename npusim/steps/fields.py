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
from npusim.spec.stages import BaseStage, Table, field_name

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


def needed_fields(stages: tuple[BaseStage, ...]) -> list[str]:
    """The fields that a pipeline reads, in the order of its stages."""
    names: dict[str, None] = {}
    for stage in stages:
        names |= {name: None for operand in stage.operands() if (name := field_name(operand))}
        if isinstance(stage, Table):
            names[stage.table] = None
    return list(names)


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
    for name, value in fields.items():
        check_field(name, value, datapath, channels, f"{key}.{name}")
    for stage in stages:
        if isinstance(stage, Table) and np.size(fields[stage.table]) != stage.entries:
            raise InputError(
                "the table has the wrong length",
                key=f"{key}.{stage.table}",
                found=np.size(fields[stage.table]),
                allowed=str(stage.entries),
            )


def check_field(
    name: str, value: int | npt.NDArray[np.int64], datapath: Datapath, channels: int, key: str
) -> None:
    """A3: the datapath has such a field, the value fits its register and has as many entries as it may.

    Raises
    ------
    InputError
        With `key`.
    """
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
    if isinstance(value, int):
        return
    if register.per is Granularity.LAYER:
        raise InputError("the datapath has one register per layer", key=key, found=f"{value.size} values")
    if value.shape != (channels,):
        raise InputError("one value per channel is wanted", key=key, found=value.shape, allowed=str(channels))
