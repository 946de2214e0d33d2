"""Texts of cases, and devices that answer them: written without the package's reader."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any

from npusim.datapath import load_datapath
from npusim.vectors.units import Level, unit_named
from npusim.vectors.units.text import text_lines

Answer = Callable[[str, list[int]], str]
"""What a device answers to the inputs' text, given what is expected."""


@cache
def text_of(datapath: str, unit: str, beats: int = 2) -> tuple[str, ...]:
    """All lines of a quick set."""
    return tuple(text_lines(unit_named(load_datapath(datapath), unit, beats), Level.QUICK, 0))


def header_of(lines: tuple[str, ...]) -> dict[str, Any]:
    """The header's JSON."""
    found: dict[str, Any] = json.loads(lines[0].removeprefix("# npusim-vectors-text-1 "))
    return found


def everything(inputs: str, expected: list[int]) -> str:
    """A perfect device, events and all."""
    return " ".join(map(str, expected))


def answered(lines: tuple[str, ...], answer: Answer = everything) -> list[str]:
    """The lines as a device passes them on."""
    made = []
    for line in lines:
        if line.startswith("#"):
            made.append(line)
        else:
            inputs, expected = line.split(":")
            made.append(f"{line.rstrip()} : {answer(inputs, [int(word) for word in expected.split()])}\n")
    return made
