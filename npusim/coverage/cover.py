"""Coverage of one pipeline: solve for it, or grade vectors from anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from npusim.coverage.bins import Bin
from npusim.coverage.checker import check
from npusim.coverage.enumeration import Enumeration
from npusim.coverage.propose import Effort, propose
from npusim.coverage.report import Outcome, Report, Status
from npusim.coverage.solve import solve
from npusim.coverage.stage_bins import pipeline_bins
from npusim.coverage.unit import PipelineUnit, PipelineVector
from npusim.errors import InputError


@dataclass(frozen=True)
class Cover:
    """Vectors that were solved for, and what they cover."""

    vectors: tuple[PipelineVector, ...]
    report: Report


def cover(unit: PipelineUnit) -> Cover:
    """Solve for every bin of a pipeline.

    Examples
    --------
    >>> from npusim.datapath import load_datapath
    >>> found = cover(PipelineUnit(load_datapath("gemmini_os"), "mac"))
    >>> found.report.complete, found.report.outcomes[0].name
    (True, 'A.mac.result.input.low')
    """
    places: dict[tuple[object, ...], int] = {}
    vectors: list[PipelineVector] = []
    outcomes = []
    enumeration = Enumeration(unit)
    for wanted in pipeline_bins(unit):
        unreachable = _unreachable(unit, wanted, Effort.RANGES)
        vector = None if unreachable else solve(unit, wanted)
        if vector is None:
            outcomes.append(unreachable or _not_hit(unit, wanted, enumeration))
            continue
        key = (vector.value, *vector.fields.values())
        if key not in places:
            places[key] = len(vectors)
            vectors.append(vector)
        outcomes.append(Outcome(wanted.name, Status.HIT, places[key]))
    return Cover(tuple(vectors), Report(unit.datapath.name, unit.name, len(vectors), tuple(outcomes)))


def grade(unit: PipelineUnit, vectors: Sequence[PipelineVector]) -> Report:
    """What vectors from anywhere cover.

    Raises
    ------
    InputError
        If one of them is of no legal program.
    """
    first: dict[str, int] = {}
    open_bins = list(pipeline_bins(unit))
    for index, vector in enumerate(vectors):
        problem = unit.problem(vector)
        if problem is not None:
            raise InputError("no legal vector", key=f"vectors[{index}]", found=problem)
        seen = unit.observe(vector)
        left = []
        for wanted in open_bins:
            if wanted.hit(unit, seen):
                first[wanted.name] = index
            else:
                left.append(wanted)
        open_bins = left
    enumeration = Enumeration(unit)
    outcomes = tuple(
        Outcome(wanted.name, Status.HIT, first[wanted.name])
        if wanted.name in first
        else _not_hit(unit, wanted, enumeration)
        for wanted in pipeline_bins(unit)
    )
    return Report(unit.datapath.name, unit.name, len(vectors), outcomes)


def _not_hit(unit: PipelineUnit, wanted: Bin, enumeration: Enumeration) -> Outcome:
    argued = _unreachable(unit, wanted, Effort.ALL)
    if argued is not None:
        return argued
    certificate = enumeration.unreachable(wanted)
    if certificate is None:
        return Outcome(wanted.name, Status.MISSED)
    return Outcome(wanted.name, Status.UNREACHABLE, certificate=certificate)


def _unreachable(unit: PipelineUnit, wanted: Bin, effort: Effort) -> Outcome | None:
    certificate = propose(unit, wanted, effort)
    if certificate is None or not check(unit, wanted, certificate):
        return None
    return Outcome(wanted.name, Status.UNREACHABLE, certificate=certificate)
