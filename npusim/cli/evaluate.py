"""``npusim eval``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from npusim.cli import options

if TYPE_CHECKING:
    from npusim.evaluate import Evaluation


def evaluate(
    network: options.Network,
    program: options.Program,
    data: Annotated[
        list[Path], typer.Option("--data", metavar="X.h5", help="Images and labels; may be given again.")
    ],
    label_offset: Annotated[
        int, typer.Option("--label-offset", help="Added to labels: 1 for models with a background class.")
    ] = 0,
    batch: options.Batch = 8,
    threads: options.Threads = None,
    json: options.Json = False,
) -> None:
    """Compare a program with its float network: accuracy, agreement, SQNR of every step."""
    import npusim
    from npusim.cli.progress import Progress
    from npusim.evaluate import evaluate as compare
    from npusim.files.data import open_data

    model, loaded = npusim.load_network(network), npusim.load_program(program)
    total = 0
    for path in data:
        with open_data(path) as file:
            total += file.shape[0]
    with Progress("images") as progress:
        result = compare(
            model,
            loaded,
            _batches(data, batch),
            label_offset=label_offset,
            threads=threads,
            total=total,
            progress=progress.count,
        )
    _report(result, as_json=json)


def _batches(paths: list[Path], size: int) -> Iterator[tuple[Any, Any]]:
    from npusim.files.data import open_data

    for path in paths:
        with open_data(path) as file:
            for start in range(0, file.shape[0], size):
                stop = min(start + size, file.shape[0])
                labels = None if file.labels is None else file.labels[start:stop]
                yield file.read(start, stop), labels


def _report(result: Evaluation, *, as_json: bool) -> None:
    from npusim.cli.tables import decibels, percent, print_table

    if as_json:
        import json

        typer.echo(json.dumps(result.to_json()))
        return
    typer.echo(f"{result.images} images")
    if result.float_top1 is not None:
        typer.echo(f"top-1: float {percent(result.float_top1)}, integer {percent(result.integer_top1)}")
    if result.agreement is not None:
        typer.echo(f"same first choice as float: {percent(result.agreement)}")
    print_table(
        ("step", "tensor", "SQNR"),
        [(step.name, step.tensor, decibels(step.sqnr_db)) for step in result.steps],
    )
