"""The vectors that coverage solves for, for a bench: by the class of the bins they were solved for."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Generic, TypeVar

from npusim.coverage import (
    ColumnUnit,
    PipelineUnit,
    PipelineVector,
    column_bins,
    cover,
    cover_column,
    pipeline_bins,
)
from npusim.coverage.bins import BinClass
from npusim.coverage.column_unit import ColumnVector as SolvedColumn
from npusim.coverage.solve import completed, solutions
from npusim.datapath.operations import PipelineRole
from npusim.spec.pipeline import run
from npusim.vectors.bench.stimulus import ColumnVector, Registers, Vector, column
from npusim.vectors.bench.unit import Unit, UnitKind, combination, subtracts
from npusim.vectors.units.operands import operands_that_make

V = TypeVar("V")
Classes = frozenset[BinClass]

_BUDGET, _TRIED = 400, 12
"""Candidates for a bin of a result pipeline, and those whose operands are looked for."""


@dataclass
class Solved(Generic[V]):
    """Vectors, each with the classes of all bins that it was solved for.

    Attributes
    ----------
    table
        What the unit's table holds meanwhile.
    """

    vectors: list[V] = field(default_factory=list)
    classes: list[set[BinClass]] = field(default_factory=list)
    table: tuple[int, ...] = ()

    def parts(self) -> dict[Classes, list[V]]:
        """The vectors by the classes that ask for them."""
        found: dict[Classes, list[V]] = {}
        for vector, classes in zip(self.vectors, self.classes, strict=True):
            found.setdefault(frozenset(classes), []).append(vector)
        return found


def solved_words(unit: Unit, *, inverted: bool = False) -> Solved[Vector]:
    """Of a rescale, a table, or a unit that combines two operands.

    Parameters
    ----------
    inverted
        All bits of the table's entries are the others'.
    """
    if unit.kind is UnitKind.COMBINE:
        return _combined(unit)
    pipeline = PipelineUnit(unit.datapath, unit.operation, unit.main or PipelineRole.RESULT)
    report = cover(pipeline)
    about = {one.name: one.about for one in pipeline_bins(pipeline)}
    table = _table(pipeline, inverted)
    solved = Solved([_word(unit, pipeline, vector, table) for vector in report.vectors], table=table)
    solved.classes = [set() for _ in solved.vectors]
    for outcome in report.report.outcomes:
        if outcome.vector is not None:
            solved.classes[outcome.vector].add(about[outcome.name])
    return solved


def solved_columns(unit: Unit, beats: int) -> Solved[ColumnVector]:
    """Of a MAC column; the rescale behind it is as open as it can be."""
    columns = ColumnUnit(unit.datapath, beats)
    report = cover_column(columns)
    about = {one.name: one.about for one in column_bins(columns)}
    solved = Solved([_column(unit, vector) for vector in report.vectors])
    solved.classes = [set() for _ in solved.vectors]
    for outcome in report.report.outcomes:
        if outcome.vector is not None:
            solved.classes[outcome.vector].add(about[outcome.name])
    return solved


def _table(unit: PipelineUnit, inverted: bool) -> tuple[int, ...]:
    """Entries in no order, so that neighbours differ."""
    for name, entries in unit.tables.items():
        allowed = unit.ranges[name]
        values = [allowed.low + place % (allowed.high - allowed.low + 1) for place in range(entries)]
        random.Random(0).shuffle(values)
        top = allowed.low + allowed.high
        return tuple(top - value if inverted else value for value in values)
    return ()


def _word(unit: Unit, pipeline: PipelineUnit, vector: PipelineVector, table: Sequence[int]) -> Vector:
    fields = {**vector.fields, **{name: tuple(table) for name in pipeline.tables}}
    return Vector((vector.value,), _numbers(fields), run(pipeline.stages, vector.value, fields).result)


def _numbers(fields: Mapping[str, int | tuple[int, ...]]) -> Registers:
    return {name: value for name, value in fields.items() if isinstance(value, int)}


def _combined(unit: Unit) -> Solved[Vector]:
    operand = PipelineUnit(unit.datapath, unit.operation, PipelineRole.OPERAND)
    result = PipelineUnit(unit.datapath, unit.operation, PipelineRole.RESULT)
    places: dict[str, int] = {}
    solved: Solved[Vector] = Solved()

    def add(first: PipelineVector, second: PipelineVector, fields: Registers, about: BinClass) -> None:
        values = (operand.observe(side).trace.result for side in (first, second))
        expected = run(result.stages, combination(unit.operation).of(*values), fields).result
        sides = _numbers(first.fields), _numbers(second.fields)
        vector = Vector((first.value, second.value), fields, expected, sides)
        if repr(vector) not in places:
            places[repr(vector)] = len(solved.vectors)
            solved.vectors.append(vector)
            solved.classes.append(set())
        solved.classes[places[repr(vector)]].add(about)

    for wanted in pipeline_bins(result):
        for found in islice(solutions(result, wanted, _BUDGET), _TRIED):
            pair = operands_that_make(operand, combination(unit.operation), found.value)
            if pair is not None:
                add(*pair, _numbers(found.fields), wanted.about)
                break
    bland = completed(operand, PipelineVector(1, {}))
    report, classes = cover(operand), {one.name: one.about for one in pipeline_bins(operand)}
    for outcome in report.report.outcomes:
        vector = None if outcome.vector is None else report.vectors[outcome.vector]
        for first, second in ((vector, bland), (bland, vector)):
            if first is not None and second is not None:
                value = combination(unit.operation).of(
                    *(operand.observe(side).trace.result for side in (first, second))
                )
                fields = completed(result, PipelineVector(value, {}), shows=True).fields
                add(first, second, _numbers(fields), classes[outcome.name])
    return solved


def _column(unit: Unit, vector: SolvedColumn) -> ColumnVector:
    rescale = PipelineUnit(unit.datapath, unit.operation, PipelineRole.RESULT)
    bland = completed(rescale, PipelineVector(0, {})).fields
    fields = dict.fromkeys((register.name for register in unit.fields), 0) | _numbers(bland)
    fields |= {name: getattr(vector, name) for name in ("x_zero", "weight_zero")}
    if not subtracts(unit.datapath) and "x_zero" in unit.datapath.fields:
        fields["x_zero"] = unit.datapath.fields["x_zero"].interval.high  # nothing may come of it
    codes = [list(beat) for beat in vector.activations], [list(beat) for beat in vector.weights]
    return column(unit, *codes, vector.bias, fields)
