"""Runs a vector set's benches in a simulator and says, step by step, what came of it."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from npusim.errors import InputError
from npusim.vectors.bench.case import Case
from npusim.vectors.bench.emit import Build, emit
from npusim.vectors.bench.simulators import Simulator
from npusim.vectors.bench.steps import COLUMNS, NotCovered, cases
from npusim.vectors.bench.unit_sets import unit_cases
from npusim.vectors.bench.user import UserUnit
from npusim.vectors.manifest import MANIFEST_NAME, read_json, read_manifest
from npusim.vectors.units.manifest import FORMAT as UNIT_SET
from npusim.vectors.units.manifest import read_unit_manifest

Tell = Callable[[str], None]
_VERDICT = re.compile(r"^(PASS|FAIL) (.*): (\d+) compared", re.MULTILINE)


class Outcome(StrEnum):
    """What came of a step."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_COVERED = "not covered"


@dataclass(frozen=True)
class StepResult:
    """One step's outcome; `text` has the first mismatches, or why it was not covered."""

    step: str
    outcome: Outcome
    compared: int
    text: str


def run_benches(
    folder: Path,
    simulator: Simulator,
    *,
    users: Mapping[str, UserUnit] | None = None,
    rtl: Sequence[Path] = (),
    dump: Path | None = None,
    tell: Tell = lambda _: None,
) -> list[StepResult]:
    """Build and run the benches of a set.

    Parameters
    ----------
    users, rtl
        A user's units by operation and the files they are in; without them: the reference RTL.
    dump
        A folder for what the units answer: for each step ``found_outputs.hex`` and, of MAC tiles,
        ``found_accumulators.hex``, in folders named as the set's own; `npusim diff` reads it.
    tell
        Told of each build and run.

    Raises
    ------
    InputError
        If the set is none, or the simulator is missing.
    CheckFailed
        If a file is not the one the manifest lists, or the simulator refuses the sources.
    """
    folder = folder.resolve()
    columns = COLUMNS if users is None else max((user.columns for user in users.values()), default=1)
    found = _cases(folder, columns)
    _require_units(found, users)
    runnable = [_without_hidden(case, users) for case in found if isinstance(case, Case)]
    builds = emit(folder, runnable, users, rtl)
    outcomes: dict[str, StepResult] = {}
    for build in builds:
        outcomes |= {result.step: result for result in run_build(build, simulator, tell, dump)}
    return [_result(each, outcomes) for each in found]


def _require_units(found: Sequence[Case | NotCovered], users: Mapping[str, UserUnit] | None) -> None:
    """Refuse a port map of which the set has no unit."""
    there = {case.unit.name for case in found if isinstance(case, Case)}
    if users is not None and not there & set(users):
        raise InputError(
            "the set has none of these units",
            key="units",
            found=", ".join(users),
            allowed=", ".join(sorted(there)),
        )


def _cases(folder: Path, columns: int) -> list[Case | NotCovered]:
    """Steps of a program, or units of a datapath: what the folder holds."""
    path = folder / MANIFEST_NAME
    data = read_json(path).data
    if isinstance(data, dict) and data.get("format") == UNIT_SET:
        return unit_cases(folder, read_unit_manifest(path), columns)
    return cases(folder, read_manifest(path), columns)


def run_build(build: Build, simulator: Simulator, tell: Tell, dump: Path | None = None) -> list[StepResult]:
    """Build a unit's bench and run its cases; parameters as for `run_benches`."""
    runner = simulator.runner
    with tempfile.TemporaryDirectory(prefix="npusim-") as place:
        tell(f"{simulator}: building {build.unit.name}")
        runner.build(build.sources, Path(place))
        results = []
        for case in build.cases:
            tell(f"{simulator}: {case.name}")
            done = runner.run(Path(place), [*case.arguments(), *_dumped(case, dump)])
            results.append(judge(case, done.returncode, done.stdout, done.stderr))
    return results


def _dumped(case: Case, dump: Path | None) -> list[str]:
    """The plusarg that says where a case's answers go."""
    if dump is None:
        return []
    folder = dump.resolve() / case.folder.name
    folder.mkdir(parents=True, exist_ok=True)
    return [f"+dump={folder}"]


def judge(case: Case, code: int, said: str, complained: str) -> StepResult:
    """A run has passed only if it says so, of as many words as the case has, and ends well."""
    verdict = _VERDICT.search(said)
    compared = int(verdict[3]) if verdict else 0
    passed = verdict is not None and verdict[1] == "PASS" and verdict[2] == case.name
    if passed and code == 0 and compared == case.comparisons:
        return StepResult(case.name, Outcome.PASSED, compared, "")
    lines = [line for line in said.splitlines() if line.startswith(("MISMATCH", "REFUSED", "FAIL"))]
    text = "\n".join(lines) or f"the simulator ended with code {code}:\n{said[-2000:]}{complained[-2000:]}"
    return StepResult(case.name, Outcome.FAILED, compared, text)


def _without_hidden(case: Case, users: Mapping[str, UserUnit] | None) -> Case:
    """Accumulators are not compared if the user's module hides them."""
    user = None if users is None else users.get(case.unit.name)
    if user is None or user.has("accumulators"):
        return case
    hidden = sum(file.words for file in case.files if file.name == "expected_accumulators")
    return replace(case, comparisons=case.comparisons - hidden)


def _result(each: Case | NotCovered, outcomes: Mapping[str, StepResult]) -> StepResult:
    if isinstance(each, NotCovered):
        return StepResult(each.step, Outcome.NOT_COVERED, 0, each.why)
    missing = StepResult(each.name, Outcome.NOT_COVERED, 0, f"no module given for {each.unit.name}")
    return outcomes.get(each.name, missing)
