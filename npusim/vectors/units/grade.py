"""What a user's own cases cover: texts as written here, or as little as a unit's name and inputs.

The least such text is a header with the unit's name, and a line of inputs for each case::

    # npusim-vectors-text-1 {"unit": "mac.result"}
    -1000 40000 20 1 3 -128 127 0
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from npusim.coverage import Report
from npusim.datapath import Datapath
from npusim.errors import CheckFailed, InputError
from npusim.vectors.units import text
from npusim.vectors.units.names import DEFAULT_BEATS, unit_named
from npusim.vectors.units.reader import made_case, numbered, read_table
from npusim.vectors.units.unit import Case, VectorUnit


def is_text(path: Path) -> bool:
    """Whether a file begins as a text of cases does."""
    try:
        with path.open("rb") as file:
            return file.read(len(text.HEADER)) == text.HEADER.encode("ascii")
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=path) from None


def grade_text(datapath: Datapath, path: Path) -> list[Report]:
    """What the cases of a text cover.

    Raises
    ------
    InputError
        If the text is of another datapath or unit, or a case is of no legal program.
    """
    try:
        with path.open(encoding="utf-8", newline="\n") as file:
            lines = numbered(file)
            _, first = next(lines, (1, ""))
            unit = _unit(datapath, first, path)
            cases = _cases(unit, lines)
    except CheckFailed as error:
        raise InputError(str(error), file=path) from None
    try:
        return unit.grade(cases)
    except InputError as error:
        raise error.at(file=path) from None


def _unit(datapath: Datapath, line: str, path: Path) -> VectorUnit:
    try:
        header: Any = json.loads(line[len(text.HEADER) :])
    except (ValueError, RecursionError) as error:
        raise InputError(f"the header is no JSON: {error}", file=path, line=1) from None
    if not isinstance(header, dict) or not isinstance(header.get("unit"), str):
        raise InputError("the header names no unit", file=path, line=1, allowed='{"unit": "mac.result"}')
    digest = header.get("datapath_sha256")
    if digest is not None and digest != text.datapath_digest(datapath):
        raise InputError(f"vectors of another datapath than {datapath.name}", file=path, line=1, found=digest)
    beats = header.get("beats", DEFAULT_BEATS)
    if type(beats) is not int:
        raise InputError("no number of beats", file=path, line=1, key="beats", found=beats)
    try:
        return unit_named(datapath, header["unit"], beats)
    except InputError as error:
        raise error.at(file=path, line=1) from None


def _cases(unit: VectorUnit, lines: Any) -> list[Case]:
    tables: dict[str, tuple[int, ...]] = {}
    found = []
    for number, line in lines:
        if line.startswith(text.TABLE):
            name, entries = read_table(line, number)
            tables[name] = entries
        elif line.strip() and not line.startswith(text.MARK):
            inputs = text.integers(line.split(text.SEPARATOR)[0], number)
            found.append(made_case(unit, inputs, tables, number))
    return found
