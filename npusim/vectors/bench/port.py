"""The ports of units, seen from the unit."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Direction(StrEnum):
    """Of a port, seen from the unit."""

    INPUT = "input"
    OUTPUT = "output"


@dataclass(frozen=True)
class Port:
    """A port of the unit; every column has its own part of it, column 0 lowest."""

    name: str
    direction: Direction
    bits: int


def read(name: str, bits: int = 1) -> Port:
    """An input."""
    return Port(name, Direction.INPUT, bits)


def made(name: str, bits: int) -> Port:
    """An output."""
    return Port(name, Direction.OUTPUT, bits)
