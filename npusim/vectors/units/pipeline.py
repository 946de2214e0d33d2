"""One pipeline alone as a unit: a rescale, a table, the pipeline of an operand."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import chain

from npusim.coverage import PipelineUnit, PipelineVector, Report, cover, grade
from npusim.datapath import Datapath
from npusim.datapath.checks import derive_pipeline
from npusim.datapath.operations import PipelineRole
from npusim.spec.pipeline import Trace
from npusim.vectors.stream import Role
from npusim.vectors.units.patterns import crossed, everything, patterns, table_patterns, weighted
from npusim.vectors.units.ports import Port, event_ports, port_of
from npusim.vectors.units.registers import Registers
from npusim.vectors.units.unit import Case, Level, VectorUnit

MOST_OF_ALL = {Level.QUICK: 1 << 12, Level.THOROUGH: 1 << 17}
"""Units with no more cases than these are shown whole."""

DRAWN = {Level.QUICK: 1000, Level.THOROUGH: 20000}
_TRIPLE = 3


class PipelineVectors(VectorUnit):
    """A value and registers in; the last stage's result and the events of all stages out."""

    def __init__(self, datapath: Datapath, operation: str, role: PipelineRole = PipelineRole.RESULT) -> None:
        self.datapath = datapath
        self.unit = unit = PipelineUnit(datapath, operation, role)
        self.name = unit.name
        self._registers = Registers(unit)
        codes = (datapath.activation.register, datapath.activation.interval)
        self.inputs = (
            port_of("input_0", Role.INPUT, unit.entering, codes),
            *self._registers.ports("field_"),
        )
        self.tables = tuple(_table_port(datapath, name, entries) for name, entries in unit.tables.items())
        *_, last = derive_pipeline(datapath, operation, role)
        result = port_of("expected_outputs", Role.EXPECTED_OUTPUTS, last.reached, codes)
        self.outputs = (result, *event_ports(unit.stages))

    def problem(self, case: Case) -> str | None:
        return self.unit.problem(self.vector(case))

    def respond(self, case: Case) -> tuple[int, ...]:
        trace = self.unit.observe(self.vector(case)).trace
        return (trace.result, *events_of([trace], self.events))

    def solved(self) -> Iterator[Case]:
        for vector in cover(self.unit).vectors:
            tables = tuple(_entries(vector, name) for name in self.unit.tables)
            yield Case((vector.value, *self._registers.held(vector.fields)), tables)

    def patterns(self, level: Level, rng: random.Random) -> Iterator[Case]:
        ranges = [self.unit.entering, *self._registers.ranges]
        found = everything(ranges, MOST_OF_ALL[level] // max(1, len(self.tables) * _TRIPLE))
        whole = None if found is None else list(found)
        for held in self._tables(level, rng):
            if whole is not None:
                yield from (Case(inputs, held) for inputs in whole)
                continue
            yield from (self._case(inputs, held) for inputs in crossed(self._operands(level), 2, rng))
            if level is Level.THOROUGH:
                quick = self._operands(Level.QUICK)
                yield from (self._case(inputs, held) for inputs in crossed(quick, _TRIPLE, rng, _TRIPLE))

    def drawn(self, level: Level, rng: random.Random) -> Iterator[Case]:
        tables = self._tables(level, rng)
        for held in tables:
            for _ in range(DRAWN[level] // len(tables)):
                yield self._case((weighted(self.unit.entering, rng), *self._registers.drawn(rng)), held)

    def grade(self, cases: Sequence[Case]) -> list[Report]:
        return [grade(self.unit, [self.vector(case) for case in cases])]

    def vector(self, case: Case) -> PipelineVector:
        """A case as coverage has it."""
        value, *held = case.inputs
        tables = dict(zip(self.unit.tables, case.tables, strict=True))
        return PipelineVector(value, {**self._registers.named(held), **tables})

    def _operands(self, level: Level) -> list[list[int]]:
        return [patterns(self.unit.entering, level), *self._registers.patterns(level)]

    def _case(self, inputs: Sequence[int], tables: tuple[tuple[int, ...], ...]) -> Case:
        value, *held = inputs
        return Case((value, *self._registers.legal(held)), tables)

    def _tables(self, level: Level, rng: random.Random) -> list[tuple[tuple[int, ...], ...]]:
        """Contents of all tables at once; one empty choice without any."""
        each = [
            table_patterns(entries, self.unit.ranges[name], level, rng)
            for name, entries in self.unit.tables.items()
        ]
        return list(zip(*each, strict=False)) if each else [()]


def events_of(traces: Sequence[Trace], events: Sequence[str]) -> list[int]:
    """For each event 1 if some stage of some trace reported it."""
    happened = set(chain.from_iterable(events for trace in traces for events in trace.events))
    return [int(event in happened) for event in events]


def _table_port(datapath: Datapath, name: str, entries: int) -> Port:
    field = datapath.fields[name]
    return Port(f"field_{name}", Role.FIELD, field.bits, field.signed, (("entry", entries),))


def _entries(vector: PipelineVector, name: str) -> tuple[int, ...]:
    held = vector.fields[name]
    assert isinstance(held, tuple)
    return held
