"""The columns of a unit's cases: what goes in, what must come out, how wide each of them is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import Any

from npusim.spec.events import Event
from npusim.spec.interval import Interval
from npusim.spec.stages import (
    BaseStage,
    Clamp,
    Divide,
    FloatStage,
    Saturate,
    ShiftRight,
    Significant,
    Table,
    Wrap,
    field_name,
)
from npusim.spec.width import Overflow, Width
from npusim.vectors.stream import Axes, Role, Stream

ACTIVATION_BOUNDS = "activation_bounds"
"""The port that says which bounds of a clamp are an activation's (A4): it changes events, never values."""


@dataclass(frozen=True)
class Port:
    """One input or output of a unit: an integer, or an array of them.

    Attributes
    ----------
    axes
        What an array's words run over, slowest first.
    lanes
        Codes in a word, the fastest axis; None: one.
    """

    name: str
    role: Role
    bits: int
    signed: bool
    axes: Axes = ()
    lanes: int | None = None

    @property
    def size(self) -> int:
        """How many integers it takes."""
        return prod(self.shape)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the array; () for an integer."""
        return (*(size for _, size in self.axes), *(() if self.lanes is None else (self.lanes,)))

    @property
    def interval(self) -> Interval:
        """What its bits hold."""
        return Interval.of(Width(self.bits, self.signed))

    def stream(self, cases: int) -> Stream:
        """The file that holds so many cases of it."""
        return Stream(self.name, self.role, self.bits, self.signed, (("case", cases), *self.axes), self.lanes)

    def plain(self) -> dict[str, Any]:
        """As JSON-like data."""
        return {"name": self.name, "bits": self.bits, "signed": self.signed, "shape": list(self.shape)}


def port_of(name: str, role: Role, values: Interval, codes: tuple[Width, Interval] | None = None) -> Port:
    """A port as wide as its values need; as wide as a code, if those are codes."""
    if codes is not None and values.within(codes[1]):
        return Port(name, role, codes[0].bits, codes[0].signed)
    return Port(name, role, values.bits, signed=True)


def slices(ports: Iterable[Port]) -> dict[str, slice]:
    """Where each port's integers stand in a flat case."""
    ends = [0]
    names = []
    for port in ports:
        names.append(port.name)
        ends.append(ends[-1] + port.size)
    return {name: slice(*ends_) for name, ends_ in zip(names, pairwise(ends), strict=True)}


def has_activation(stages: Iterable[BaseStage]) -> bool:
    """Whether a clip can be an activation's: some clamp's bounds are registers."""
    return any(
        isinstance(stage, Clamp) and (field_name(stage.low) is not None or field_name(stage.high) is not None)
        for stage in stages
    )


def event_ports(stages: Iterable[BaseStage]) -> tuple[Port, ...]:
    """A 0 or 1 for each event that some stage can report (A4), in the order of `Event`."""
    possible = {event for stage in stages for event in _events(stage)}
    return tuple(
        Port(f"events_{event}", Role.EXPECTED_EVENTS, 1, signed=False) for event in Event if event in possible
    )


def _events(stage: BaseStage) -> Iterator[Event]:
    rounded, clipped = (Event.ROUNDED, Event.TIE), (Event.SATURATED_LOW, Event.SATURATED_HIGH)
    match stage:
        case ShiftRight() | Divide() | Significant():
            yield from rounded
        case Table():
            yield from () if stage.rounding is None else rounded
        case FloatStage():
            yield from (*rounded, *clipped)
        case Saturate():
            yield from clipped
        case Wrap():
            yield Event.WRAPPED
        case Clamp():
            yield from (*clipped, Event.ACTIVATION)
    if stage.overflow is not None:
        yield from clipped if stage.overflow is Overflow.SATURATE else (Event.WRAPPED,)
