"""Reads a text of cases and believes nothing: digests, counts, and the spec must agree with every line."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from npusim.errors import CheckFailed, InputError
from npusim.files.yaml_file import Document, validate
from npusim.vectors.units import text
from npusim.vectors.units.names import unit_named
from npusim.vectors.units.unit import Case, VectorUnit

MOST_CHARACTERS = 1 << 24
"""Of a line."""

_SHOWN = 80


@dataclass(frozen=True)
class Line:
    """One case, what is expected of it, and what a device answered; () if it did not."""

    number: int
    case: Case
    expected: tuple[int, ...]
    answer: tuple[int, ...]


class TextReader:
    """The cases of a text, one after another.

    Every case is computed anew by the spec on the header's datapath, and the digest of the end line
    is that of all lines before it, answers left out.

    Attributes
    ----------
    unit
        The unit of the header.
    tally
        What was read until now.
    counters
        The counters that a device appended to the end line: ``(line, counters)``.
    """

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = numbered(lines)
        self._digest = hashlib.sha256()
        number, first = next(self._lines, (1, ""))
        if not first:
            raise CheckFailed("the input is empty")
        self.unit = read_header(first, number)
        self.tally = text.Tally(self.unit)
        self.counters: tuple[int, tuple[int, ...]] | None = None
        self._tables: dict[str, tuple[int, ...]] = {}
        self._add(first)

    def cases(self) -> Iterator[Line]:
        """All cases.

        Raises
        ------
        CheckFailed
            At the first line that cannot be believed; if there is no end line.
        """
        for number, line in self._lines:
            if line.startswith(text.END):
                self._end(line, number)
                self._nothing_more()
                return
            if line.startswith(text.MARK):
                self._keep(line, number)
            else:
                yield self._case(line, number)
        raise CheckFailed(f"the input ends after {self.tally.cases} cases, without its end line")

    def _keep(self, line: str, number: int) -> None:
        if line.startswith(text.TABLE):
            name, entries = read_table(line, number)
            self._tables[name] = entries
        self._add(line)

    def _case(self, line: str, number: int) -> Line:
        parts = line.split(text.SEPARATOR)
        if len(parts) not in {2, 3}:
            raise CheckFailed(f"line {number}: no case; found {line[:_SHOWN]!r}")
        inputs, expected, *answer = (text.integers(part, number) for part in parts)
        case = made_case(self.unit, inputs, self._tables, number)
        problem = self.unit.problem(case)
        made = () if problem else self.unit.respond(case)
        if made != expected:
            what = problem or f"it expects {some(expected)}, but the spec makes {some(made)}"
            raise CheckFailed(f"line {number}: the case was edited: {what}")
        self._add(text.SEPARATOR.join(parts[:2]).rstrip())
        self.tally.add(expected)
        return Line(number, case, expected, answer[0] if answer else ())

    def _end(self, line: str, number: int) -> None:
        plain, brace, answer = line[len(text.END) :].partition(f"}} {text.SEPARATOR}")
        found = text.parse_json(plain + brace[:1], "end line", number)
        try:
            end = validate(Document(None, found, {}), text.TextEnd)
        except InputError as error:
            raise CheckFailed(f"line {number}: the end line: {error}") from None
        if end.cases != self.tally.cases:
            raise CheckFailed(f"line {number}: {end.cases} cases were written, {self.tally.cases} arrived")
        if end.sha256 != self._digest.hexdigest() or end.counters != self.tally.counters:
            raise CheckFailed(f"line {number}: the set was edited: its digest is another")
        if brace:
            self.counters = (number, text.integers(answer, number))

    def _nothing_more(self) -> None:
        for number, line in self._lines:
            if line.strip():
                raise CheckFailed(f"line {number}: something follows the end line; found {line[:_SHOWN]!r}")

    def _add(self, line: str) -> None:
        self._digest.update(line.encode() + b"\n")


def numbered(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Lines with their numbers, without their line feeds.

    Raises
    ------
    CheckFailed
        If a line is longer than any can be, or no text.
    """
    try:
        for number, line in enumerate(lines, 1):
            if len(line) > MOST_CHARACTERS:
                raise CheckFailed(f"line {number}: longer than any line of a set")
            yield number, line.rstrip("\r\n")
    except UnicodeDecodeError:
        raise CheckFailed("not a text") from None


def read_header(line: str, number: int) -> VectorUnit:
    """The unit that a header names, its columns compared with the unit's.

    Raises
    ------
    CheckFailed
    """
    if not line.startswith(text.HEADER):
        raise CheckFailed(f"line {number}: not the header of a set; found {line[:_SHOWN]!r}")
    plain = text.parse_json(line[len(text.HEADER) :], "header", number)
    try:
        header = validate(Document(None, plain, {}), text.TextHeader)
        unit = unit_named(header.datapath, header.unit, header.beats or 1)
    except InputError as error:
        raise CheckFailed(f"line {number}: the header: {error}") from None
    wanted = text.header_of(unit, header.level, header.seed)
    if header.replace(npusim_version=wanted.npusim_version) != wanted:
        raise CheckFailed(f"line {number}: the header is not one of {unit.name}")
    return unit


def read_table(line: str, number: int) -> tuple[str, tuple[int, ...]]:
    """A table's name and entries."""
    name, _, entries = line[len(text.TABLE) :].partition(" ")
    return name, text.integers(entries, number)


def made_case(
    unit: VectorUnit, inputs: tuple[int, ...], tables: dict[str, tuple[int, ...]], number: int
) -> Case:
    """A case with the tables that hold.

    Raises
    ------
    CheckFailed
        If integers or a table are missing.
    """
    wanted = sum(port.size for port in unit.inputs)
    if len(inputs) != wanted:
        raise CheckFailed(f"line {number}: no case of {unit.name}: {len(inputs)} inputs, {wanted} are wanted")
    for port in unit.tables:
        if port.name not in tables:
            raise CheckFailed(f"line {number}: no case of {unit.name}: no {port.name} stands before it")
    return Case(inputs, tuple(tables[port.name] for port in unit.tables))


def some(values: tuple[int, ...], most: int = 24) -> str:
    """The first of some numbers, for people."""
    return " ".join(map(str, values[:most])) + (" ..." if len(values) > most else "")
