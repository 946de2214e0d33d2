"""``npusim prove``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from npusim.cli import options
from npusim.cli.legality import legality as tell_legality

if TYPE_CHECKING:
    from npusim.analysis.proof import ProofReport, StepProof
    from npusim.analysis.rescale_proof import RescaleProof


def prove(
    program: options.Program,
    datapath: Annotated[
        str | None,
        typer.Option("--datapath", metavar="D", help="Prove it on another datapath than the program's."),
    ] = None,
    input_range: Annotated[
        str | None,
        typer.Option("--input-range", metavar="LOW..HIGH", help="The input codes that will be fed."),
    ] = None,
    rescale: Annotated[
        bool,
        typer.Option("--rescale", help="Also run every reachable accumulator through the rescale kernels."),
    ] = False,
    witnesses: Annotated[
        Path | None,
        typer.Option(
            "--witnesses", metavar="DIR", help="Write one-step programs and inputs that reach the bounds."
        ),
    ] = None,
    legality: Annotated[
        bool,
        typer.Option(
            "--legality",
            help="Instead: which fields of the datapath cannot hold the program, or the network (NET.yaml).",
        ),
    ] = False,
    recipe: Annotated[
        str, typer.Option("--recipe", metavar="R", help="With --legality of a network.")
    ] = "wes",
    calibration: Annotated[
        Path | None,
        typer.Option("--calibration", metavar="X.h5", help="With --legality of a network: inputs."),
    ] = None,
    json: options.Json = False,
) -> None:
    """Prove accumulator ranges, final and of every prefix; exit code 1 if one can overflow."""
    import npusim
    from npusim.analysis import prove as prove_program
    from npusim.analysis import refilled_for
    from npusim.analysis.legality import require_legal
    from npusim.analysis.rescale_proof import prove_rescales
    from npusim.errors import CheckFailed

    if legality:
        tell_legality(program, datapath, recipe, calibration, as_json=json)
        return
    loaded = npusim.load_program(program)
    other = None if datapath is None else npusim.load_datapath(datapath)
    if other is not None:
        loaded = refilled_for(loaded, other)
        require_legal(loaded, other)
    report = prove_program(loaded, datapath=other, input_range=_range(input_range))
    rescales = prove_rescales(loaded, report, other) if rescale else ()
    if witnesses is not None:
        _write_witnesses(loaded, report, other, witnesses)
    if json:
        import json as json_

        typer.echo(json_.dumps(_plain(report, rescales, list(loaded.notes))))
    else:
        _print(report, rescales, loaded.notes)
    if report.overflow_possible:
        names = [step.step for step in report.steps if step.overflow_possible]
        raise CheckFailed(f"accumulators can overflow in {len(names)} steps, the first is {names[0]}")


def _range(text: str | None) -> tuple[int, int] | None:
    from npusim.errors import InputError

    if text is None:
        return None
    low, dots, high = text.partition("..")
    try:
        if not dots:
            raise ValueError
        return int(low), int(high)
    except ValueError:
        raise InputError(
            "not a range", key="--input-range", found=text, allowed="such as -128..127"
        ) from None


def _write_witnesses(program: Any, report: ProofReport, datapath: Any, folder: Path) -> None:
    from npusim.analysis import replay
    from npusim.files.atomic import output_folder

    with output_folder(folder) as place:
        for step in report.steps:
            if step.columns is None and step.operation != "matmul":
                continue  # safe, not reached: passes over digits of one tensor
            replay(program, step, datapath=datapath).save(place)


_COLUMNS = (
    "step",
    "operation",
    "final range",
    "prefix range",
    "bits, any codes",
    "bits",
    "headroom",
    "path",
    "codes out",
)
_WIDTHS = 12
"""Narrower accumulators that are told of."""


def _print(report: ProofReport, rescales: tuple[RescaleProof, ...], notes: tuple[str, ...]) -> None:
    from npusim.analysis.bounds import Moment
    from npusim.cli.names import shortened
    from npusim.cli.tables import print_table

    typer.echo(f"{report.program} on {report.datapath}: ranges over the codes that can arrive")
    if not report.steps:
        typer.echo("no step has accumulators")
        return
    first = report.steps[0]
    typer.echo(f"accumulator: {first.register.bits} bits, {first.overflow}s; bits: the least that hold all")
    short, meaning = shortened([step.step for step in report.steps])
    typer.echo(meaning, nl=bool(meaning))
    print_table(
        _COLUMNS,
        [
            (
                short[step.step],
                step.operation,
                step.reachable.hull(Moment.FINAL),
                step.reachable.hull(Moment.PREFIX),
                step.safe_bits,
                step.reachable_bits,
                f"{step.headroom:+d}",
                "-" if step.path is None else step.path.path.value,
                step.output_codes,
            )
            for step in report.steps
        ],
    )
    _print_narrower(report)
    _print_paths(report, short)
    if rescales:
        typer.echo("\nrescales, every reachable accumulator:")
        for found in rescales:
            typer.echo(f"  {found.step}: {found.text()}")
    for note in notes:
        typer.echo(f"note of the compiler: {note}")


def _print_narrower(report: ProofReport) -> None:
    """What narrower accumulators would cost, over the whole program; --json has it step by step."""
    from npusim.cli.tables import print_table

    most = max(step.reachable_bits for step in report.steps)
    rows = []
    for bits in range(min(most, report.steps[0].register.bits + 1) - 1, max(most - 1 - _WIDTHS, 1), -1):
        channels = [step.overflowing(bits) for step in report.steps]
        rows.append((bits, f"{sum(channels):,}", sum(count > 0 for count in channels)))
    typer.echo("\nwere the accumulator narrower, so many channels could overflow:")
    print_table(("bits", "channels", "steps"), rows)


def _print_paths(report: ProofReport, short: dict[str, str]) -> None:
    """Why the simulator takes its paths: the widest step of each, and all that are computed in order."""
    from npusim.steps.probe import Path as Way

    typer.echo("\nwhy the simulator takes its path:")
    for way in Way:
        own = [step for step in report.steps if step.path is not None and step.path.path is way]
        widest = sorted(own, key=lambda step: -step.safe_bits)
        for step in widest if way is Way.ORDERED else widest[:1]:
            assert step.path is not None
            more = (
                f" ({len(own)} steps, this is the widest)" if len(own) > 1 and way is not Way.ORDERED else ""
            )
            typer.echo(f"  {way.value}: {short[step.step]}: {step.path.reason}{more}")


def _plain(report: ProofReport, rescales: tuple[RescaleProof, ...], notes: list[str]) -> dict[str, Any]:
    return {
        "program": report.program,
        "datapath": report.datapath,
        "overflow_possible": report.overflow_possible,
        "codes": {name: [codes.low, codes.high] for name, codes in report.codes.items()},
        "steps": [_plain_step(step) for step in report.steps],
        "rescales": [found.plain() for found in rescales],
        "notes": notes,
    }


def _plain_step(step: StepProof) -> dict[str, Any]:
    from npusim.analysis.proof import channel_rows

    return {
        "name": step.step,
        "operation": step.operation,
        "register": str(step.register),
        "overflow": step.overflow.value,
        "safe_bits": step.safe_bits,
        "reachable_bits": step.reachable_bits,
        "headroom": step.headroom,
        "overflow_possible": step.overflow_possible,
        "narrower": [{"bits": bits, "channels": count} for bits, count in step.narrower()],
        "path": None if step.path is None else step.path.path.value,
        "reason": None if step.path is None else step.path.reason,
        "stage_bits": list(step.stage_bits),
        "output_codes": [step.output_codes.low, step.output_codes.high],
        "channels": {name: values.tolist() for name, values in channel_rows(step).items()},
    }
