"""Runs cases against every fault of the catalogue, in one build a unit: which vectors kill which mutants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path

from npusim.errors import CheckFailed
from npusim.vectors.bench.case import Case
from npusim.vectors.bench.emit import emit
from npusim.vectors.bench.faults import ACTIVATED, Fault, write_faulty
from npusim.vectors.bench.run import Outcome, judge
from npusim.vectors.bench.simulators import Simulator


class Fate(StrEnum):
    """What became of a mutant."""

    KILLED = "killed"
    SURVIVED = "survived"
    """It changed a value, but no compared word."""
    NOT_ACTIVATED = "not activated"
    """It never changed a value: here it is the same hardware, or the vectors do not reach it."""


def fates(
    cases: Sequence[Case], faults: Sequence[Fault], simulator: Simulator, folder: Path
) -> dict[str, dict[str, Fate]]:
    """Every fault's fate under each case, by case and fault name.

    The cases belong to one unit. `folder` takes the broken RTL and the build.

    Raises
    ------
    CheckFailed
        If a case fails without any fault.
    """
    (build,) = emit(folder, cases)
    broken = folder / "faulty"
    broken.mkdir(exist_ok=True)
    sources = write_faulty(build.sources, faults, broken)
    return run_all(cases, {fault.name: fault.number for fault in faults}, sources, simulator, folder)


def run_all(
    cases: Sequence[Case],
    numbers: Mapping[str, int],
    sources: Sequence[Path],
    simulator: Simulator,
    folder: Path,
) -> dict[str, dict[str, Fate]]:
    """Build a bench once, and run every case with every mutant of `numbers`; as for `fates`."""
    place = folder / "build"
    place.mkdir(exist_ok=True)
    simulator.runner.build(sources, place)
    return {case.name: _case_fates(case, numbers, simulator, place) for case in cases}


def _case_fates(case: Case, numbers: Mapping[str, int], simulator: Simulator, place: Path) -> dict[str, Fate]:
    sound = _run(case, 0, simulator, place)
    if sound is not Fate.NOT_ACTIVATED:
        raise CheckFailed(f"{case.name}: the RTL without any fault is {sound}")
    return {name: _run(case, number, simulator, place) for name, number in numbers.items()}


def _run(case: Case, number: int, simulator: Simulator, place: Path) -> Fate:
    done = simulator.runner.run(place, [*case.arguments(), f"+fault={number}"])
    result = judge(case, done.returncode, done.stdout, done.stderr)
    if result.outcome is not Outcome.PASSED:
        return Fate.KILLED
    return Fate.SURVIVED if f"{ACTIVATED} {number}\n" in done.stdout else Fate.NOT_ACTIVATED


def best(found: Sequence[Fate]) -> Fate:
    """The fate over several runs: killed once is killed."""
    return next(fate for fate in Fate if fate in found)
