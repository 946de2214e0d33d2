"""``npusim run``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from npusim.cli import options


def run(
    program: options.Program,
    inputs: Annotated[Path, typer.Option("--input", metavar="X.h5", help="Images: HDF5 or npz.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="OUT.h5", help="Where to write outputs.")],
    taps: Annotated[
        str,
        typer.Option(
            "--taps",
            metavar="STEP,...",
            help="Record steps too: STEP (accumulator and output), STEP:POINT, or STEP:* for all points.",
        ),
    ] = "",
    datapath: Annotated[
        str | None,
        typer.Option("--datapath", metavar="D", help="Run on another datapath than the program's."),
    ] = None,
    statistics: Annotated[
        str, typer.Option("--statistics", help="off, events, or prefix (accumulator prefixes too).")
    ] = "events",
    threads: options.Threads = None,
    json: options.Json = False,
) -> None:
    """Run a program bit-exactly; write output codes, taps and real values."""
    import npusim
    from npusim.cli.progress import Progress
    from npusim.cli.statistics import print_statistics
    from npusim.files.data import open_data
    from npusim.recording import record

    options.check_output(output, program, inputs)
    loaded = npusim.load_program(program)
    held, other = loaded, None
    if datapath is not None:
        from npusim.analysis import refilled_for  # much to load, for this alone

        other = npusim.load_datapath(datapath)
        held = refilled_for(loaded, other)
    with open_data(inputs) as file, Progress("running") as progress:
        images = file.shape[0]
        found = record(
            npusim.Simulator(held, other),
            file,
            output,
            taps=[tap for tap in taps.split(",") if tap],
            statistics=statistics,
            threads=threads,
            progress=progress.count,
        )
    if other is not None:
        anew = "" if held is loaded else "; its multipliers fill that one's registers anew"
        typer.echo(
            f"note: run on {other.name}, not on the program's own {loaded.datapath.name}{anew}", err=True
        )
    print_statistics(found, images, output, as_json=json)
