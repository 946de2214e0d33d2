"""What a unit of a datapath must offer for vectors to be made of it."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from npusim.coverage import Report
from npusim.datapath import Datapath
from npusim.vectors.units.ports import Port

EVENTS = "events_"
"""What the names of output ports that are events begin with."""


class Level(IntEnum):
    """How thorough a set is, as TestFloat's levels."""

    QUICK = 1
    """What was solved for, pattern tables crossed in pairs, some random cases."""
    THOROUGH = 2
    """Larger tables, triples where they matter, all cases of small units, twenty times the random ones."""


@dataclass(frozen=True)
class Case:
    """One stimulus.

    Attributes
    ----------
    inputs
        The integers of all input ports, in order, arrays flat.
    tables
        What the tables hold meanwhile, in the order of the unit's.
    """

    inputs: tuple[int, ...]
    tables: tuple[tuple[int, ...], ...] = ()


class VectorUnit(ABC):
    """A unit: its ports, its cases, what the spec answers.

    Attributes
    ----------
    name
        Such as ``mac.result``.
    inputs, outputs
        In the order of a case's integers; results stand before events.
    tables
        Registers that are arrays and seldom change.
    results
        How many of the outputs are values; the others are events.
    """

    name: str
    datapath: Datapath
    beats: int | None = None
    inputs: tuple[Port, ...]
    tables: tuple[Port, ...] = ()
    outputs: tuple[Port, ...]
    results: int = 1

    @abstractmethod
    def problem(self, case: Case) -> str | None:
        """Why no legal program has such a case (A3); None if one may."""

    @abstractmethod
    def respond(self, case: Case) -> tuple[int, ...]:
        """What the spec makes of a legal case: the integers of all output ports."""

    @abstractmethod
    def solved(self) -> Iterator[Case]:
        """Cases that coverage solved for, one bin after another."""

    @abstractmethod
    def patterns(self, level: Level, rng: random.Random) -> Iterator[Case]:
        """Pattern tables crossed; `rng` chooses what is held beside what is crossed."""

    @abstractmethod
    def drawn(self, level: Level, rng: random.Random) -> Iterator[Case]:
        """Weighted random cases."""

    @abstractmethod
    def grade(self, cases: Sequence[Case]) -> list[Report]:
        """What cases cover, by the bins of each coverage unit that this one is made of.

        Raises
        ------
        InputError
            If one of them is of no legal program.
        """

    @property
    def events(self) -> tuple[str, ...]:
        """What the output ports behind the results count."""
        return tuple(port.name.removeprefix(EVENTS) for port in self.outputs[self.results :])
