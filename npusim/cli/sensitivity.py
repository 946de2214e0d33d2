"""``npusim sensitivity``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from npusim.cli import options

if TYPE_CHECKING:
    from npusim.compiler.sensitivity import Share


def sensitivity(
    network: options.Network,
    program: options.Program,
    data: Annotated[Path, typer.Option("--data", metavar="X.h5", help="Inputs; labels are not used.")],
    images: Annotated[int, typer.Option("--images", min=1, help="Measure on so many of them.")] = 16,
    json: options.Json = False,
) -> None:
    """Which step costs how much: what each adds to the noise of the answers, by integer simulation."""
    import npusim
    from npusim.cli.progress import Progress
    from npusim.compiler.sensitivity import shares
    from npusim.files.data import open_data
    from npusim.reference import real_inputs

    model, loaded = npusim.load_network(network), npusim.load_program(program)
    with open_data(data) as file:
        inputs = real_inputs(model, file.read(0, min(images, file.shape[0])))
    with Progress("measuring") as progress:
        found = shares(model, loaded, inputs, progress.tell)
    if json:
        import json as json_

        typer.echo(json_.dumps({"shares": [{"step": share.step, "noise": share.noise} for share in found]}))
    else:
        _print(found)


def _print(found: list[Share]) -> None:
    from npusim.cli.tables import decibels, print_table

    total = sum(share.noise for share in found)
    rows = [
        (share.step, f"{share.noise:.2e}", f"{100 * share.noise / total:+.1f} %" if total else "-")
        for share in sorted(found, key=lambda share: -share.noise)
    ]
    print_table(("step", "noise / signal", "of all"), rows)
    typer.echo(f"all of it: {total:.3e}, an SQNR of {decibels(_decibels(total))}")


def _decibels(noise: float) -> float:
    from math import inf, log10

    return -10 * log10(noise) if noise > 0 else inf
