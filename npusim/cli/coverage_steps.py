"""``npusim coverage PROG.yaml``: the steps of a program."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from npusim.program import Program
    from npusim.step_coverage import StepCover, StepReport

_HEAD = 1 << 16
_SHOWN = 20


def is_program(name: str) -> bool:
    """Whether an argument is the path of a program, by its `format`."""
    path = Path(name)
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return b"format: npusim-program" in file.read(_HEAD)


def cover_program(
    path: Path,
    steps: Sequence[str] | None,
    budget: int | None,
    seed: int | None,
    grade: Path | None,
    output: Path | None,
    json: bool,
) -> None:
    """Solve for the bins of steps, or grade inputs; a bin that is missed or unknown is the exit code 1."""
    import npusim
    from npusim.errors import CheckFailed, InputError
    from npusim.files.atomic import check_writable

    if grade is not None and output is not None:
        raise InputError(
            "inputs are solved for or graded, not both", key="--output", allowed="without --grade"
        )
    if output is not None:
        check_writable(output)
    program = npusim.load_program(path)
    reports = _solve(program, steps, budget, seed, output) if grade is None else _grade(program, steps, grade)
    if json:
        from json import dumps

        typer.echo(dumps({"program": program.name, "steps": [report.plain() for report in reports]}))
    else:
        _print(reports)
    lacking = _lacking(reports)
    if lacking:
        raise CheckFailed(f"{len(lacking)} bins are neither hit nor proven unreachable")


def _solve(
    program: Program,
    steps: Sequence[str] | None,
    budget: int | None,
    seed: int | None,
    output: Path | None,
) -> list[StepReport]:
    from npusim.cli.progress import Progress
    from npusim.step_coverage import cover_steps
    from npusim.step_coverage.mac_cover import DEFAULT_BUDGET

    with Progress("covering") as progress:
        covers = cover_steps(
            program, steps, budget=budget or DEFAULT_BUDGET, seed=seed or 0, tell=progress.count
        )
    if output is not None:
        _write(program, covers, output)
    return [cover.report for cover in covers]


def _write(program: Program, covers: Sequence[StepCover], output: Path) -> None:
    """The inputs of the one step that reads the program's input."""
    from npusim.errors import InputError
    from npusim.files.data import save_data

    fed = [cover for cover in covers if set(cover.inputs) == {program.input_names[0]}]
    if len(fed) != 1 or len(program.input_names) != 1:
        raise InputError(
            "only inputs of one step that reads the program's input can be fed to the program",
            key="--output",
            found=", ".join(cover.report.step for cover in covers[:4]),
            allowed="--step with such a step; of others: npusim vectors PROG --step S --solved -o DIR",
        )
    save_data(output, {"inputs": fed[0].inputs[program.input_names[0]]})


def _grade(program: Program, steps: Sequence[str] | None, grade: Path) -> list[StepReport]:
    from npusim.cli.progress import Progress
    from npusim.files.data import open_data
    from npusim.input_codes import to_codes
    from npusim.step_coverage import grade_steps

    with open_data(grade) as file:
        codes = to_codes(program, {program.input_names[0]: file.read(0, file.shape[0])})
    with Progress("grading") as progress:
        return grade_steps(program, codes, steps, tell=progress.count)


def _lacking(reports: Sequence[StepReport]) -> list[str]:
    from npusim.coverage import Status

    lacking = {Status.MISSED, Status.UNKNOWN}
    return [
        f"{outcome.status.value}: {report.step}: {outcome.name}"
        for report in reports
        for outcome in report.outcomes
        if outcome.status in lacking
    ]


def _print(reports: Sequence[StepReport]) -> None:
    from npusim.cli.tables import print_table

    rows = [
        (r.step, r.kind, *([""] * 5 if r.why_not else (r.images, *r.counts.values())), r.why_not)
        for r in reports
    ]
    print_table(("step", "kind", "images", "hit", "unreachable", "unknown", "missed", ""), rows)
    lacking = _lacking(reports)
    for line in lacking[:_SHOWN]:
        typer.echo(line)
    if len(lacking) > _SHOWN:
        typer.echo(f"and {len(lacking) - _SHOWN} more; --json has all")
