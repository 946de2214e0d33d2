"""``npusim compile``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from npusim.cli import options


def compile_(
    network: options.Network,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="PROG.yaml", help="Where to write it.")],
    datapath: options.Datapath = "wes_npu",
    recipe: options.Recipe = "wes",
    calibration: Annotated[
        Path | None,
        typer.Option(
            "--calibration",
            metavar="X",
            help="Unlabelled inputs: HDF5, npz, a folder of images; without: data-free ranges.",
        ),
    ] = None,
    images: Annotated[int, typer.Option("--images", min=1, help="Calibrate on so many of them.")] = 256,
    json: options.Json = False,
) -> None:
    """Compile a float network into an integer program."""
    import npusim
    from npusim.cli.data import calibration_inputs
    from npusim.cli.progress import Progress

    options.check_output(output, network, *([] if calibration is None else [calibration]))
    model = npusim.load_network(network)
    data = None if calibration is None else calibration_inputs(calibration, model, images)
    with Progress("compiling") as progress:
        program = npusim.compile(model, datapath, recipe, data, progress=progress.tell)
    program.save(output)
    _report(program, output, json)


def _report(program: object, output: Path, as_json: bool) -> None:
    from npusim.program import Program

    assert isinstance(program, Program)
    if as_json:
        import json

        described = {
            "program": str(output),
            "datapath": program.datapath.name,
            "steps": len(program.steps),
            "macs": program.macs,
            "notes": list(program.notes),
        }
        typer.echo(json.dumps(described))
        return
    typer.echo(
        f"{output}: {len(program.steps)} steps, {program.macs:,} MACs an image, for {program.datapath.name}"
    )
    for note in program.notes:
        typer.echo(f"note: {note}")
