"""``npusim diff``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from npusim.cli import options

if TYPE_CHECKING:
    from npusim.analysis.divergence import DiffReport, Divergence


def diff(
    expected: Annotated[
        Path, typer.Argument(metavar="A", help="Ours: taps (`run --taps`), or a folder of golden vectors.")
    ],
    found: Annotated[
        Path, typer.Argument(metavar="B", help="The other's: the same, or a folder of dumps (.hex, .npy).")
    ],
    program: Annotated[
        Path | None,
        typer.Option("--program", metavar="PROG.yaml", help="What was run: lets causes be found."),
    ] = None,
    datapath: Annotated[
        str | None,
        typer.Option("--datapath", metavar="D", help="What it was run on, if not its own datapath."),
    ] = None,
    inputs: Annotated[
        Path | None,
        typer.Option(
            "--input", metavar="X.h5", help="The images it was run on: lets rules of the MAC be tried."
        ),
    ] = None,
    json: options.Json = False,
) -> None:
    """Find the first divergence of two tap sets and the rule that explains it; exit code 1 if they differ."""
    import npusim
    from npusim.analysis import diff as compare
    from npusim.analysis import load_taps, refilled_for
    from npusim.errors import CheckFailed

    ours = load_taps(expected)
    theirs = load_taps(found, like=ours)
    loaded = ours.program if program is None else npusim.load_program(program)
    other = None if datapath is None else npusim.load_datapath(datapath)
    report = compare(
        ours,
        theirs,
        program=loaded if other is None or loaded is None else refilled_for(loaded, other),
        datapath=other,
        inputs=None if inputs is None else _codes(inputs, loaded),
    )
    if json:
        import json as json_

        typer.echo(json_.dumps(_plain(report)))
    else:
        _print(report)
    if report.first is not None:
        raise CheckFailed(f"{found} diverges from {expected} at {_place(report.first)}")


def _codes(path: Path, program: Any) -> dict[str, Any]:
    from npusim.errors import InputError
    from npusim.files.data import open_data
    from npusim.input_codes import to_codes

    if program is None:
        raise InputError("--input needs --program", key="--input", found=str(path))
    with open_data(path) as file:
        return to_codes(program, file.read(0, file.shape[0]))


def _place(first: Divergence) -> str:
    pixel = "" if first.row is None else f", row {first.row}, column {first.column}"
    return f"{first.step}:{first.point}, image {first.image}{pixel}, channel {first.channel}"


def _print(report: DiffReport) -> None:
    typer.echo(f"{report.compared} taps compared")
    for name in report.missing:
        typer.echo(f"not in the second set: {name}")
    first = report.first
    if first is None:
        typer.echo("no difference")
        return
    typer.echo(f"first divergence: {_place(first)}")
    sums = "" if first.accumulator is None else f"accumulator {first.accumulator}, "
    typer.echo(f"  {sums}expected {first.expected}, found {first.found}")
    typer.echo(f"  {first.differing:,} of {first.values:,} values of this tap differ")
    typer.echo(f"steps that differ: {', '.join(report.diverging)}")
    for changes in report.explanations:
        typer.echo(
            "explains every difference of this step: " + " and ".join(change.text for change in changes)
        )
        for change in changes:
            if change.setting is not None:
                typer.echo(f"    {change.setting}")
    if report.note is not None:
        typer.echo(f"no explanation: {report.note}")


def _plain(report: DiffReport) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "equal": report.equal,
        "first": None if report.first is None else asdict(report.first),
        "compared": report.compared,
        "missing": list(report.missing),
        "diverging": list(report.diverging),
        "explanations": [
            [{"rule": c.family.value, "text": c.text, "set": c.setting} for c in changes]
            for changes in report.explanations
        ],
        "note": report.note,
    }
