"""All cases of a unit in memory, with what the spec makes of them and what they cover; as columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from npusim.coverage import Report
from npusim.errors import CheckFailed
from npusim.vectors.stream import Role, Stream
from npusim.vectors.units.ports import Port, slices
from npusim.vectors.units.stimuli import Origin, stimuli
from npusim.vectors.units.text import Tally
from npusim.vectors.units.unit import Case, Level, VectorUnit
from npusim.vectors.words import Words, word_type

TABLE_CHOICE = "table_choice"
_CHOICE_BITS = 16


@dataclass(frozen=True)
class Made:
    """Cases of a unit and the outputs of each."""

    unit: VectorUnit
    cases: tuple[Case, ...]
    outputs: tuple[tuple[int, ...], ...]

    @property
    def tables(self) -> list[tuple[tuple[int, ...], ...]]:
        """The different contents of all tables, in the order of their first case."""
        return list(dict.fromkeys(case.tables for case in self.cases)) if self.unit.tables else []

    @property
    def counters(self) -> dict[str, int]:
        """How often each event."""
        tally = Tally(self.unit)
        for outputs in self.outputs:
            tally.add(outputs)
        return tally.counters

    def streams(self) -> list[Stream]:
        """The files they fill."""
        return streams(self.unit, len(self.cases), len(self.tables))

    def columns(self) -> Iterator[Words]:
        """The integers of each stream, in order."""
        tables = self.tables
        yield from _columns(self.unit.inputs, [case.inputs for case in self.cases])
        for index, port in enumerate(self.unit.tables):
            yield _array(port, list(chain.from_iterable(held[index] for held in tables)))
        if tables:
            places = {held: index for index, held in enumerate(tables)}
            yield np.array([places[case.tables] for case in self.cases], np.int64)
        yield from _columns(self.unit.outputs, self.outputs)


def make(unit: VectorUnit, level: Level, seed: int) -> tuple[Made, dict[Origin, int], list[Report]]:
    """All cases of a unit, how many come from where, and their coverage."""
    found = list(stimuli(unit, level, seed))
    cases = tuple(case for _, case in found)
    origins = Counter(origin for origin, _ in found)
    made = Made(unit, cases, tuple(unit.respond(case) for case in cases))
    return made, {origin: origins[origin] for origin in Origin}, coverage(unit, cases, origins[Origin.SOLVED])


def coverage(unit: VectorUnit, cases: Sequence[Case], solved: int) -> list[Report]:
    """What cases cover; the first ones, which were solved for, suffice as a rule."""
    first = unit.grade(cases[:solved])
    return first if all(report.complete for report in first) else unit.grade(cases)


def streams(unit: VectorUnit, cases: int, tables: int) -> list[Stream]:
    """The files of a unit: inputs, tables and which of them holds, outputs."""
    held = []
    if tables:
        for port in unit.tables:
            axes = (("table", tables), *port.axes)
            held.append(Stream(port.name, Role.FIELD, port.bits, port.signed, axes))
        held.append(Stream(TABLE_CHOICE, Role.INPUT, _CHOICE_BITS, False, (("case", cases),)))
    inputs, outputs = ([port.stream(cases) for port in ports] for ports in (unit.inputs, unit.outputs))
    return [*inputs, *held, *outputs]


def from_columns(unit: VectorUnit, columns: dict[str, Words]) -> Made:
    """The cases that columns hold; the other way round than `Made.columns`.

    Raises
    ------
    CheckFailed
        If a case chooses a table that is not there.
    """
    cases = len(columns[unit.outputs[0].name])
    tables: list[tuple[tuple[int, ...], ...]] = [()] * cases
    if unit.tables:
        held = [columns[port.name].reshape(-1, port.size).tolist() for port in unit.tables]
        each = [tuple(map(tuple, contents)) for contents in zip(*held, strict=True)]
        choices = columns[TABLE_CHOICE].ravel().tolist()
        if max(choices) >= len(each):
            raise CheckFailed(f"{unit.name}: {TABLE_CHOICE}: table {max(choices)} of {len(each)}")
        tables = [each[index] for index in choices]
    inputs, outputs = (_rows(ports, columns, cases) for ports in (unit.inputs, unit.outputs))
    return Made(unit, tuple(map(Case, inputs, tables)), tuple(outputs))


def _rows(ports: Sequence[Port], columns: dict[str, Words], cases: int) -> list[tuple[int, ...]]:
    parts = [columns[port.name].reshape(cases, port.size).tolist() for port in ports]
    return [tuple(chain.from_iterable(row)) for row in zip(*parts, strict=True)]


def _columns(ports: Sequence[Port], rows: Sequence[Sequence[int]]) -> Iterator[Words]:
    places = slices(ports)
    for port in ports:
        place = places[port.name]
        yield _array(port, list(chain.from_iterable(row[place] for row in rows)))


def _array(port: Port, values: list[int]) -> Words:
    return np.array(values, word_type(port.bits, port.signed))
