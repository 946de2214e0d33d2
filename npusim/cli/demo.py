"""``npusim demo``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from npusim.cli import options

if TYPE_CHECKING:
    from npusim.demo import DemoRow


def demo(
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", help="Where golden vectors go.")
    ] = Path("npusim-demo"),
    datapath: options.Datapath = "wes_npu",
    threads: options.Threads = None,
    json: options.Json = False,
) -> None:
    """The bundled network: compile, run, compare, write vectors; seconds."""
    from npusim.cli.progress import Progress
    from npusim.demo import run_demo, write_demo_vectors

    with Progress("compiling kernels (only the first time)") as progress:
        rows = run_demo(datapath, progress.tell, threads)
        words = write_demo_vectors(rows, output, progress.tell)
    if json:
        import json as json_

        typer.echo(json_.dumps([_plain(row) for row in rows]))
        return
    _print(rows)
    typer.echo(f"\nGolden vectors of the last program, one image, every step: {output} ({words:,} words).")


def _print(rows: list[DemoRow]) -> None:
    from npusim.cli.tables import decibels, percent, print_table
    from npusim.demo import BUNDLED

    for network, what in BUNDLED.items():
        own = [row for row in rows if row.network == network]
        first = own[0].evaluation
        typer.echo(f"\n{network}: {what}")
        typer.echo(f"{first.images} test images, float top-1 {percent(first.float_top1)}")
        print_table(
            ("weights", "datapath", "top-1", "same as float", "SQNR", "acc bits proven", "seen", "overflows"),
            [
                (
                    row.recipe,
                    row.program.datapath.name,
                    percent(row.evaluation.integer_top1),
                    percent(row.evaluation.agreement),
                    decibels(row.output_sqnr),
                    *row.accumulator_bits,
                    row.overflows,
                )
                for row in own
            ],
        )
    typer.echo(_MEANING)


_MEANING = """
layerwise    one scale for a layer's weights: channels with small weights are rounded away
per_channel  one scale per channel: exact enough, but the hardware needs a multiplier per channel
wes          one scale per layer, each channel scaled up by 2^0..2^15 first; a 4-bit shift per channel
             in the rescale undoes it (the weight equalizing shift scaler)
Every integer above was computed bit by bit as the datapath declares it: npusim datapath show wes_npu"""


def _plain(row: DemoRow) -> dict[str, object]:
    proven, seen = row.accumulator_bits
    return {
        "network": row.network,
        "recipe": row.recipe,
        "datapath": row.program.datapath.name,
        "accumulator_bits": {"proven": proven, "seen": seen},
        "overflows": row.overflows,
        **row.evaluation.to_json(),
    }
