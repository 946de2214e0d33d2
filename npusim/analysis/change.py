"""What a single-rule change of a rescale is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

from npusim.analysis.rescale import Rescale
from npusim.datapath.model import RegisterField
from npusim.spec.stages import BaseStage
from npusim.spec.width import Width


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
    OPERANDS = "operands"
    TABLE = "table"


class AnyChange(Protocol):
    """One rule changed, wherever it stands.

    Attributes
    ----------
    setting
        The same as a line under a datapath's ``set``; None: datapaths cannot say it.
    """

    @property
    def family(self) -> Family: ...
    @property
    def text(self) -> str: ...
    @property
    def setting(self) -> str | None: ...


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
    neighbours
        Whether columns are channels, so that a column may have been given its neighbour's registers.
    """

    place: str
    codes: Width
    registers: Mapping[str, RegisterField]
    neighbours: bool = True


def with_stages(rescale: Rescale, start: int, stop: int, *stages: BaseStage) -> Rescale:
    """The stages start..stop-1 replaced."""
    return replace(rescale, stages=(*rescale.stages[:start], *stages, *rescale.stages[stop:]))


def staged(family: Family, text: str, index: int, stage: BaseStage, setting: str | None = None) -> Change:
    """A change of one stage."""
    return Change(family, text, lambda r: with_stages(r, index, index + 1, stage), setting)


def inserted(index: int, stage: BaseStage) -> Callable[[Rescale], Rescale]:
    """One more stage before stage `index`."""
    return lambda rescale: with_stages(rescale, index, index, stage)
