"""``npusim equiv``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from npusim.cli import options

if TYPE_CHECKING:
    from npusim.analysis.equivalence import Counterexample, EquivalenceReport, Explanation
    from npusim.analysis.inference import InferenceReport


_ROWS = 30
_UNTOLD = {"x_zero", "weight_zero", "low", "high"}


def equiv(
    first: Annotated[str | None, typer.Argument(metavar="D1", help="A preset's name, or a path.")] = None,
    second: Annotated[str | None, typer.Argument(metavar="D2", help="Another one.")] = None,
    program: Annotated[
        Path | None,
        typer.Option("--program", metavar="PROG.yaml", help="Compare what this program can reach."),
    ] = None,
    infer: Annotated[
        Path | None,
        typer.Option(
            "--infer", metavar="SAMPLES", help="Instead: which presets are consistent with samples."
        ),
    ] = None,
    seconds: Annotated[
        float,
        typer.Option(
            "--seconds",
            min=0,
            help="For pipelines that are not monotone; what is not decided then is counted.",
        ),
    ] = 30.0,
    json: options.Json = False,
) -> None:
    """Do two rescales ever differ? If so where, and which rule explains it; exit code 1 if they do."""
    from npusim.errors import InputError

    if infer is not None:
        if second is not None or program is not None:
            raise InputError("--infer takes at most one datapath, whose rules are tried")
        _infer(infer, first, as_json=json)
    elif first is None or second is None:
        raise InputError(
            "two datapaths are wanted", allowed="npusim equiv D1 D2, or npusim equiv --infer SAMPLES"
        )
    else:
        _compare(first, second, program, seconds, as_json=json)


def _compare(first: str, second: str, program: Path | None, seconds: float, *, as_json: bool) -> None:
    import npusim
    from npusim.analysis import equivalence
    from npusim.cli.progress import Progress
    from npusim.errors import CheckFailed

    sides = npusim.load_datapath(first), npusim.load_datapath(second)
    loaded = None if program is None else npusim.load_program(program)
    with Progress("looking between wraps") as progress:
        report = equivalence(*sides, loaded, seconds=seconds, progress=progress.count)
    if as_json:
        import json

        typer.echo(json.dumps(_plain(report)))
    else:
        _print(report)
    if not report.equal:
        raise CheckFailed(f"{report.left} and {report.right} differ")
    if report.undecided:
        raise CheckFailed(f"{report.left} and {report.right} were not compared in all of it")


def _print(report: EquivalenceReport) -> None:
    from npusim.analysis.equivalence import Domain
    from npusim.cli.names import shortened
    from npusim.cli.tables import print_table

    methods = ", ".join(f"{count} {method.value}" for method, count in report.methods().items() if count)
    typer.echo(f"{report.left} and {report.right}: compared on {report.domain.value}")
    typer.echo(f"{report.values:,} values; channels or patterns: {methods}")
    for path, left, right in report.declared:
        typer.echo(f"declared: {path}: {left} | {right}")
    for name in report.not_compared:
        typer.echo(f"not compared: {name}")
    if report.undecided:
        kind = "channels" if report.domain is Domain.REACHABLE else "patterns of fields"
        typer.echo(
            f"NOT DECIDED: {report.undecided:,} {kind} that are not monotone; nothing is said of them; "
            "give more --seconds"
        )
    if report.equal:
        typer.echo("no difference" + (" in what was decided" if report.undecided else ""))
        return
    typer.echo(f"{report.differing:,} values differ")
    rows: list[tuple[object, ...]] = []
    differing_units = [found for found in report.units if found.total]
    short, meaning = shortened([found.unit.name for found in differing_units])
    typer.echo(meaning, nl=bool(meaning))
    for found in differing_units:
        if len(rows) < _ROWS:
            one = min(report.counterexamples(found), key=lambda c: abs(c.value))
            differing = f"{len(found.channels)} of {found.unit.left.channels}"
            told = one.channel, one.value, one.left, one.right, _fields(one)
            rows.append((short[found.unit.name], differing, f"{found.total:,}", *told))
    print_table(
        ("rescale", "channels", "values", "channel", "nearest value", report.left, report.right, "fields"),
        rows,
    )
    if len(differing_units) > _ROWS:
        typer.echo(f"and {len(differing_units) - _ROWS} more rescales that differ; --json has all")
    for explanation in report.explanations:
        typer.echo(f"{explanation.pipeline}: {_why(explanation, report.left)}")


def _fields(one: Counterexample) -> str:
    """What the value is multiplied and shifted by; --json has the other registers too."""
    return ", ".join(f"{name} {value}" for name, value in one.fields.items() if name not in _UNTOLD)


def _why(explanation: Explanation, left: str) -> str:
    if not explanation.changes:
        return "no one or two changed rules explain it"
    sets = [" and ".join(change.text for change in changes) for changes in explanation.changes]
    sampled = f" (in {explanation.sampled} channels tried on samples only)" if explanation.sampled else ""
    return f"explained if in {left} " + "; or ".join(sets) + sampled


def _plain(report: EquivalenceReport) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "left": report.left,
        "right": report.right,
        "equal": report.equal,
        "domain": report.domain.name.lower(),
        "values": report.values,
        "differing": report.differing,
        "methods": {method.value: count for method, count in report.methods().items()},
        "declared": [{"path": path, "left": left, "right": right} for path, left, right in report.declared],
        "not_compared": list(report.not_compared),
        "undecided": report.undecided,
        "units": [
            {
                "name": found.unit.name,
                "pipeline": found.unit.pipeline,
                "channels": found.unit.left.channels,
                "values": found.values,
                "undecided": len(found.undecided),
                "differing": found.total,
                "counterexamples": [
                    {**asdict(one), "differing": int(found.differing[one.channel])}
                    for one in report.counterexamples(found)
                ],
            }
            for found in report.units
        ],
        "explanations": [
            {
                "pipeline": one.pipeline,
                "sampled": one.sampled,
                "changes": [
                    [{"rule": c.family.value, "text": c.text, "set": c.setting} for c in changes]
                    for changes in one.changes
                ],
            }
            for one in report.explanations
        ],
    }


def _infer(samples: Path, base: str | None, *, as_json: bool) -> None:
    import npusim
    from npusim.analysis import infer
    from npusim.analysis.samples import load_samples
    from npusim.errors import CheckFailed

    datapath = None if base is None else npusim.load_datapath(base)
    report = infer(load_samples(samples), base=datapath)
    if as_json:
        import json
        from dataclasses import asdict

        typer.echo(json.dumps({**asdict(report), "consistent": list(report.consistent)}))
    else:
        _print_inference(report)
    if not report.consistent:
        raise CheckFailed("nothing tried is consistent with all samples")


def _print_inference(report: InferenceReport) -> None:
    from npusim.cli.tables import print_table

    typer.echo(f"{report.samples} samples")
    typer.echo("consistent with all of them:")
    for name in report.consistent or ("nothing",):
        typer.echo(f"  {name}")
    best = sorted((one for one in report.presets if one.skipped is None), key=lambda one: -one.agreeing)
    print_table(
        ("preset", "explains", "first sample it does not"),
        [(one.text, f"{one.agreeing} of {report.samples}", one.contradiction) for one in best],
    )
    for one in report.presets:
        if one.skipped is not None:
            typer.echo(f"not tried: {one.text}: {one.skipped}")
