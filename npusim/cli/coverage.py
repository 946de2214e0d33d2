"""``npusim coverage``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from npusim.cli import options
from npusim.cli.completion import complete_datapath
from npusim.cli.options import refuse

if TYPE_CHECKING:
    from npusim.coverage import Report

_SHOWN = 20


def coverage(
    datapath: Annotated[
        str,
        typer.Argument(
            metavar="D|PROG.yaml",
            help="A datapath: a preset's name, or a path; or a program.",
            autocompletion=complete_datapath,
        ),
    ],
    operation: Annotated[
        str | None, typer.Option("--operation", metavar="OP", help="Only this operation's pipelines.")
    ] = None,
    beats: Annotated[int, typer.Option("--beats", min=1, max=64, help="Beats of a MAC column.")] = 4,
    grade: Annotated[
        Path | None,
        typer.Option(
            "--grade",
            metavar="V",
            help="Your vectors: of a program inputs, X.h5; of a datapath a text as "
            "`npusim vectors --datapath` writes, or JSON: "
            '{"mac.result": [{"value": 0, "fields": {..}}]}',
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="V.json",
            help="Write the pipelines' vectors; of a program, X.h5, inputs of a step that reads its input.",
        ),
    ] = None,
    covergroups: Annotated[
        Path | None,
        typer.Option("--covergroups", metavar="F.sv", help="Write the bins as SystemVerilog covergroups."),
    ] = None,
    step: Annotated[
        list[str] | None, typer.Option("--step", help="Of a program: only this step; may be given again.")
    ] = None,
    budget: Annotated[
        int | None,
        typer.Option("--budget", min=1, help="Of a program: channels tried for one bin; default: 8."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, help="Of a program: of the search; default: 0.")
    ] = None,
    json: options.Json = False,
) -> None:
    """What vectors of a datapath's units, or inputs of a program's steps, cover; or what yours miss.

    Every bin ends hit, by which vector, or unreachable, with a certificate that was checked again; of steps
    also unknown, if the budget did not suffice.
    """
    import npusim
    from npusim.cli.coverage_steps import cover_program, is_program
    from npusim.cli.progress import Progress
    from npusim.coverage.all_units import cover_all, grade_all
    from npusim.coverage.column_covergroups import column_covergroup
    from npusim.coverage.column_unit import ColumnUnit
    from npusim.coverage.covergroups import covergroups_of
    from npusim.errors import CheckFailed, InputError
    from npusim.files.atomic import check_writable, write_text
    from npusim.vectors.units.grade import grade_text, is_text

    if is_program(datapath):
        refuse({"--operation": operation, "--covergroups": covergroups}, "is of datapaths")
        cover_program(Path(datapath), step, budget, seed, grade, output, json)
        return
    refuse({"--step": step, "--budget": budget, "--seed": seed}, "is of programs")
    if grade is not None and output is not None:
        raise InputError(
            "vectors are solved for or graded, not both", key="--output", allowed="without --grade"
        )
    if grade is not None and covergroups is not None:
        raise InputError("are of all bins", key="--covergroups", allowed="without --grade")
    for path in (output, covergroups):
        if path is not None:
            check_writable(path)
    reports: Sequence[Report]
    loaded = npusim.load_datapath(datapath)
    with Progress("covering") as progress:
        if grade is None:
            solved = cover_all(loaded, operation, beats, progress.count)
            reports = solved.reports
            if output is not None:
                write_text(output, solved.to_json())
            if covergroups is not None:
                modules = [covergroups_of(loaded, operation, reports)]
                column = ColumnUnit(loaded, beats)
                modules += [column_covergroup(column, r) for r in reports if r.unit == column.name]
                write_text(covergroups, "\n".join(filter(None, modules)))
        elif is_text(grade):
            reports = grade_text(loaded, grade)
        else:
            reports = grade_all(loaded, grade, progress.count)
    if json:
        import json as json_

        typer.echo(json_.dumps({"datapath": loaded.name, "units": [report.plain() for report in reports]}))
    else:
        _print(reports)
    missed = sum(len(report.missed) for report in reports)
    if missed:
        raise CheckFailed(f"{missed} bins that could be hit are not")


def _print(reports: Sequence[Report]) -> None:
    from npusim.cli.tables import print_table
    from npusim.coverage import Status

    shown = (Status.HIT, Status.UNREACHABLE, Status.MISSED)
    rows = [(r.unit, r.vectors, *(r.counts[status] for status in shown)) for r in reports]
    print_table(("unit", "vectors", "hit", "unreachable", "missed"), rows)
    missed = [name for report in reports for name in report.missed]
    for name in missed[:_SHOWN]:
        typer.echo(f"missed: {name}")
    if len(missed) > _SHOWN:
        typer.echo(f"and {len(missed) - _SHOWN} more; --json has all")
