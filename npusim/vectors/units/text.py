"""Cases as lines of text, for pipes: a header, one case a line, an end line; all anyone needs to check them.

A line that begins with ``#`` is for readers to keep as it is. Every other line is a case::

    -1000 40000 20 1 3 -128 127 0 : -16 1 0 0 0 0

first the inputs, behind the colon what must come out: results, then events. A device under test
appends a second colon and its answer, at least the results. Tables stand in lines of their own,
``# table field_table 0 1 2``, and hold until the next one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

import npusim
from npusim.datapath import Datapath
from npusim.errors import CheckFailed
from npusim.files.digest import bytes_digest
from npusim.model import Model
from npusim.spec import ARITHMETIC_VERSION
from npusim.vectors.units.ports import Port
from npusim.vectors.units.stimuli import stimuli
from npusim.vectors.units.unit import Case, Level, VectorUnit

MARK = "#"
HEADER = "# npusim-vectors-text-1 "
COLUMNS = "# columns "
TABLE = "# table "
END = "# end "
SEPARATOR = ":"


class TextPort(Model):
    """An input or output: its name, width and shape; ``[]`` for a single integer."""

    name: str
    bits: Annotated[int, Field(ge=1, le=128)]
    signed: bool
    shape: tuple[int, ...]


class TextHeader(Model):
    """The first line: which unit of which datapath, how the cases were made, what the columns are."""

    npusim_version: str
    arithmetic_version: Literal[1] = ARITHMETIC_VERSION
    unit: str
    beats: Annotated[int, Field(ge=1)] | None = None
    level: Level
    seed: int
    inputs: tuple[TextPort, ...]
    tables: tuple[TextPort, ...]
    outputs: tuple[TextPort, ...]
    results: Annotated[int, Field(description="so many of the outputs are values, the others events", ge=1)]
    datapath_sha256: Annotated[str, Field(description="of the datapath as compact JSON, keys sorted")]
    datapath: Datapath


class TextEnd(Model):
    """The last line: how many cases there were, the digest of all lines before, how often each event."""

    cases: Annotated[int, Field(ge=0)]
    sha256: str
    counters: dict[str, int]


def datapath_digest(datapath: Datapath) -> str:
    """SHA-256 of a datapath as compact JSON with sorted keys: equal datapaths, equal digests."""
    plain = datapath.model_dump(mode="json", exclude_none=True)
    return bytes_digest(json.dumps(plain, sort_keys=True, separators=(",", ":")).encode("ascii"))


def header_of(unit: VectorUnit, level: Level, seed: int) -> TextHeader:
    """The header of a unit's cases."""
    return TextHeader(
        npusim_version=npusim.__version__,
        unit=unit.name,
        beats=unit.beats,
        level=level,
        seed=seed,
        inputs=_ports(unit.inputs),
        tables=_ports(unit.tables),
        outputs=_ports(unit.outputs),
        results=unit.results,
        datapath_sha256=datapath_digest(unit.datapath),
        datapath=unit.datapath,
    )


def text_lines(unit: VectorUnit, level: Level, seed: int) -> Iterator[str]:
    """All lines of a unit's cases, each with its line feed; the same seed, the same bytes."""
    writer = TextWriter(unit)
    yield from writer.head(header_of(unit, level, seed))
    for _, case in stimuli(unit, level, seed):
        yield from writer.case(case, unit.respond(case))
    yield writer.end()


class TextWriter:
    """Makes lines and keeps count of them."""

    def __init__(self, unit: VectorUnit) -> None:
        self._unit, self._digest = unit, hashlib.sha256()
        self._tables: tuple[tuple[int, ...], ...] = tuple(() for _ in unit.tables)
        self.tally = Tally(unit)

    def head(self, header: TextHeader) -> Iterator[str]:
        """The header, and the columns' names."""
        plain = header.model_dump(mode="json", exclude_none=True)
        yield self._line(HEADER + json.dumps(plain, separators=(",", ":"), ensure_ascii=True))
        inputs, outputs = (" ".join(map(_column, ports)) for ports in (self._unit.inputs, self._unit.outputs))
        yield self._line(f"{COLUMNS}{inputs} {SEPARATOR} {outputs}")

    def case(self, case: Case, outputs: Sequence[int]) -> Iterator[str]:
        """A case, before it the tables that differ from those of the last one."""
        for port, before, held in zip(self._unit.tables, self._tables, case.tables, strict=True):
            if held != before:
                yield self._line(f"{TABLE}{port.name} {_numbers(held)}")
        self._tables = case.tables
        self.tally.add(outputs)
        yield self._line(f"{_numbers(case.inputs)} {SEPARATOR} {_numbers(outputs)}")

    def end(self) -> str:
        """The end line."""
        end = TextEnd(cases=self.tally.cases, sha256=self._digest.hexdigest(), counters=self.tally.counters)
        return END + json.dumps(end.model_dump(mode="json"), separators=(",", ":")) + "\n"

    def _line(self, text: str) -> str:
        line = text + "\n"
        self._digest.update(line.encode("ascii"))
        return line


class Tally:
    """How many cases, and how often each event: counted as a device's counters would (A4)."""

    def __init__(self, unit: VectorUnit) -> None:
        self.cases = 0
        self._results = unit.results
        self.counters = dict.fromkeys(unit.events, 0)

    def add(self, outputs: Sequence[int]) -> None:
        """One more case."""
        self.cases += 1
        for event, count in zip(self.counters, outputs[self._results :], strict=True):
            self.counters[event] += count


def parse_json(text: str, what: str, line: int) -> Any:
    """The JSON of a header or an end line.

    Raises
    ------
    CheckFailed
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CheckFailed(f"line {line}: the {what} is no JSON: {error}") from None


def integers(text: str, line: int) -> tuple[int, ...]:
    """Numbers with blanks between.

    Raises
    ------
    CheckFailed
    """
    try:
        return tuple(map(int, text.split()))
    except ValueError:
        raise CheckFailed(f"line {line}: not only integers; found {text.strip()[:80]!r}") from None


def _ports(ports: Sequence[Port]) -> tuple[TextPort, ...]:
    return tuple(TextPort.model_validate(port.plain()) for port in ports)


def _column(port: Port) -> str:
    return port.name + "".join(f"[{size}]" for size in port.shape)


def _numbers(values: Sequence[int]) -> str:
    return " ".join(map(str, values))
