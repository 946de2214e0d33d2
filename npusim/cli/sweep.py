"""``npusim sweep``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from npusim.cli import options

if TYPE_CHECKING:
    from npusim.sweep.load import SweepFile
    from npusim.sweep.run import SweepResult

_Files = Annotated[
    list[str] | None,
    typer.Option("--data", metavar="X.h5", help="Other data than the sweep's; FILE[64:125] for some rows."),
]
_Names = list[str] | None


def sweep(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SWEEP",
            help="A path, or accumulator_width, inverse_shift_bits, multiplier_width, rounding, which ship.",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="DIR", help="Where results go; default: sweep-NAME."),
    ] = None,
    network: Annotated[
        _Names, typer.Option("--network", metavar="NET.yaml", help="Other networks than the sweep's.")
    ] = None,
    data: _Files = None,
    calibration: Annotated[
        str | None, typer.Option("--calibration", metavar="X.h5", help="Other calibration inputs, alike.")
    ] = None,
    datapath: Annotated[
        _Names, typer.Option("--datapath", metavar="D", help="Other datapaths to start from.")
    ] = None,
    recipe: Annotated[_Names, typer.Option("--recipe", metavar="R", help="Other recipes.")] = None,
    images: Annotated[int | None, typer.Option("--images", min=1, help="At most so many images.")] = None,
    label_offset: Annotated[
        int | None,
        typer.Option("--label-offset", help="Added to labels: 1 for models with a background class."),
    ] = None,
    quality: Annotated[
        str | None,
        typer.Option("--quality", metavar="COLUMN", help="What is judged: top1, output_sqnr_db ..."),
    ] = None,
    cost: Annotated[
        str | None, typer.Option("--cost", metavar="COLUMN", help="What it is weighed against.")
    ] = None,
    jobs: Annotated[
        int | None, typer.Option("--jobs", min=1, help="Processes side by side; default: one per processor.")
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option("--scheduler", metavar="ADDRESS", help="Compute on a Dask cluster: tcp://HOST:8786."),
    ] = None,
    json: options.Json = False,
) -> None:
    """Compile and run every point of a design space; interrupted, it goes on where it stopped."""
    from npusim.cli.progress import Progress
    from npusim.errors import CheckFailed
    from npusim.sweep.load import load_sweep
    from npusim.sweep.run import run_sweep

    file = _changed(
        load_sweep(source),
        networks=_named(network),
        data=_named(data),
        calibration=None if calibration is None else _absolute(calibration),
        datapaths=_named(datapath),
        recipes=_named(recipe),
        images=images,
        label_offset=label_offset,
        quality=quality,
        cost=cost,
    )
    folder = Path(f"sweep-{file.sweep.name}") if output is None else output
    with Progress("points") as progress:
        result = run_sweep(file, folder, jobs=jobs, scheduler=scheduler, progress=progress.count)
    if json:
        import json as json_

        typer.echo(json_.dumps(result.to_json()))
    else:
        _print(result)
    if result.errors:
        first = next(iter(result.errors.values()))
        raise CheckFailed(f"{len(result.errors)} points could not be computed, the first: {first}")


def _changed(file: SweepFile, *, quality: str | None, cost: str | None, **changes: Any) -> SweepFile:
    """The sweep with what options replace."""
    from npusim.errors import InputError
    from npusim.sweep.model import Quality

    pareto = file.sweep.pareto
    if quality is not None:
        pareto = pareto.replace(quality=options.choice(Quality, quality, "--quality"))
    if cost is not None:
        if cost not in file.sweep.costs:
            allowed = ", ".join(file.sweep.costs)
            raise InputError("no such column", key="--cost", found=cost, allowed=allowed)
        pareto = pareto.replace(cost=cost)
    return file.replace(pareto=pareto, **changes)


def _named(names: _Names) -> tuple[str, ...] | None:
    return None if names is None else tuple(map(_absolute, names))


def _absolute(name: str) -> str:
    """A path from the current folder; names of what ships stay as they are."""
    path = Path(name)
    return str(path.absolute()) if path.suffix or len(path.parts) > 1 else name


def _print(result: SweepResult) -> None:
    from npusim.cli.tables import print_table

    table = result.table
    telling = [
        name for name in ("network", "datapath", "recipe") if len({row[name] for row in table.rows}) > 1
    ]
    columns = [*telling, *table.axes]
    rows = [[*(str(row[name]) for name in columns), *_measured(row)] for row in table.rows]
    print_table((*columns, *_MEASURED, "front"), rows)
    refused = [row for row in table.rows if row["status"] != "ok"]
    for row in refused:
        place = ", ".join(f"{name} {row[name]}" for name in columns)
        typer.echo(f"{row['status']}: {place}: {row['reason']}")
    typer.echo(f"\nfront: points that none beats in {result.quality} without more {result.cost}")
    typer.echo(f"{result.computed} points computed, {result.reused} found finished in {result.folder}")
    if result.plots is None:
        typer.echo("no plots: they need matplotlib (pip install 'npusim[plots]')", err=True)


_MEASURED = ("top-1", "same as float", "SQNR", "worst step", "overflows", "acc bits proven", "seen")


def _measured(row: Any) -> list[object]:
    from npusim.cli.tables import decibels, percent

    if row["status"] != "ok":
        return [row["status"], *["-"] * (len(_MEASURED) - 1), ""]
    return [
        percent(row["top1"]),
        percent(row["agreement"]),
        decibels(row["output_sqnr_db"]),
        decibels(row["worst_sqnr_db"]),
        row["overflows"],
        row["proven_bits"],
        row["seen_bits"],
        "*" if row["pareto"] else "",
    ]
