"""Coverage of a MAC column: solve for it, or grade vectors from anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from npusim.coverage.column_bins import ColumnBin, ColumnKind, column_bins
from npusim.coverage.column_checker import (
    Argument,
    ColumnCertificate,
    check_column,
    factors_left,
    reachable_states,
    sum_ranges,
)
from npusim.coverage.column_solve import solve_column
from npusim.coverage.column_states import small
from npusim.coverage.column_unit import ColumnUnit, ColumnVector
from npusim.coverage.report import Outcome, Report, Status
from npusim.errors import InputError


@dataclass(frozen=True)
class ColumnCover:
    """Vectors that were solved for, and what they cover."""

    vectors: tuple[ColumnVector, ...]
    report: Report


def cover_column(unit: ColumnUnit) -> ColumnCover:
    """Solve for every bin of a MAC column.

    Examples
    --------
    >>> from npusim.datapath import load_datapath
    >>> cover_column(ColumnUnit(load_datapath("wes_npu"), 2)).report.missed
    ()
    """
    places: dict[ColumnVector, int] = {}
    outcomes = []
    for wanted in column_bins(unit):
        vector = solve_column(unit, wanted)
        if vector is None:
            outcomes.append(_not_hit(unit, wanted))
        else:
            outcomes.append(Outcome(wanted.name, Status.HIT, places.setdefault(vector, len(places))))
    return ColumnCover(tuple(places), Report(unit.datapath.name, unit.name, len(places), tuple(outcomes)))


def grade_column(unit: ColumnUnit, vectors: Sequence[ColumnVector]) -> Report:
    """What column vectors from anywhere cover.

    Raises
    ------
    InputError
        If one of them is of no legal program.
    """
    first: dict[str, int] = {}
    for index, vector in enumerate(vectors):
        problem = unit.problem(vector)
        if problem is not None:
            raise InputError("no legal vector", key=f"vectors[{index}]", found=problem)
        writes = unit.observe(vector)
        for wanted in column_bins(unit):
            if wanted.name not in first and wanted.hit(unit, vector, writes):
                first[wanted.name] = index
    outcomes = tuple(
        Outcome(wanted.name, Status.HIT, first[wanted.name])
        if wanted.name in first
        else _not_hit(unit, wanted)
        for wanted in column_bins(unit)
    )
    return Report(unit.datapath.name, unit.name, len(vectors), outcomes)


def _not_hit(unit: ColumnUnit, wanted: ColumnBin) -> Outcome:
    certificates = [ColumnCertificate(Argument.RANGES, ranges=sum_ranges(unit, wanted.place + 1))]
    if wanted.kind is ColumnKind.BEAT_SUM and factors_left(unit, wanted):
        certificates = [ColumnCertificate(Argument.FACTORS, states=factors_left(unit, wanted))]
    elif small(unit):
        certificates.append(ColumnCertificate(Argument.STATES, states=reachable_states(unit, wanted)[0]))
    for certificate in certificates:
        if check_column(unit, wanted, certificate):
            return Outcome(wanted.name, Status.UNREACHABLE, certificate=certificate)
    return Outcome(wanted.name, Status.MISSED)
