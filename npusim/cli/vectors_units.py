"""``npusim vectors --datapath D``: vectors of single units."""

from __future__ import annotations

import sys
from pathlib import Path

import typer


def write_units(
    datapath: str,
    units: list[str] | None,
    level: int,
    seed: int,
    beats: int | None,
    format_: str | None,
    output: Path | None,
    json: bool,
) -> None:
    """Write a set into a folder, or one unit's cases as text to standard output."""
    import npusim
    from npusim.cli import options
    from npusim.cli.progress import Progress
    from npusim.errors import InputError
    from npusim.vectors import VectorFormat
    from npusim.vectors.units import Level, unit_named
    from npusim.vectors.units.names import DEFAULT_BEATS
    from npusim.vectors.units.sets import write_units as write
    from npusim.vectors.units.text import text_lines

    chosen = None if format_ is None else options.choice(VectorFormat, format_, "--format")
    loaded, held = npusim.load_datapath(datapath), beats or DEFAULT_BEATS
    if output is None:
        if chosen not in {None, VectorFormat.TEXT}:
            raise InputError("is needed to write files", key="-o")
        if units is None or len(units) != 1:
            raise InputError(
                "only one unit's cases can be a stream", key="--unit", allowed="one unit; or -o DIR"
            )
        for line in text_lines(unit_named(loaded, units[0], held), Level(level), seed):
            sys.stdout.write(line)
        return
    with Progress("units") as progress:
        manifest = write(
            loaded,
            output,
            units=units,
            level=Level(level),
            seed=seed,
            format=chosen or VectorFormat.HEX,
            beats=held,
            progress=progress.count,
        )
    if json:
        typer.echo(manifest.model_dump_json())
    else:
        found = [outcome.status for unit in manifest.units for outcome in unit.coverage]
        counts = ", ".join(f"{found.count(status)} {status}" for status in dict.fromkeys(found))
        typer.echo(
            f"{output}: {len(manifest.units)} units, {manifest.cases:,} cases; bins: {counts}; "
            "see manifest.json"
        )
