"""``npusim datapath``: list, show, sv, c, cells."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from npusim.cli import options

app = typer.Typer(
    help="The datapaths that ship; one in words; one as SystemVerilog or C.", no_args_is_help=True
)

Source = Annotated[
    str,
    typer.Argument(metavar="D", help="A preset's name, or a path.", autocompletion=options.complete_datapath),
]


@app.command("list")
def list_(json: options.Json = False) -> None:
    """List the presets and why they may be believed."""
    from npusim.cli.tables import print_table
    from npusim.datapath import load_datapath, preset_names

    presets = [load_datapath(name) for name in preset_names()]
    if json:
        from json import dumps

        rows = [
            {
                "name": p.name,
                "title": p.title,
                "source": p.source,
                "evidence": p.evidence.model_dump(mode="json"),
            }
            for p in presets
        ]
        typer.echo(dumps(rows))
        return
    print_table(("name", "evidence", "title"), [(p.name, p.evidence.status.value, p.title) for p in presets])


@app.command()
def show(source: Source, json: options.Json = False) -> None:
    """Print a datapath's arithmetic as pseudo-code with rule identifiers."""
    from npusim.datapath import load_datapath
    from npusim.datapath.describe import describe

    datapath = load_datapath(source)
    typer.echo(datapath.model_dump_json(exclude_none=True) if json else describe(datapath))


@app.command()
def sv(source: Source) -> None:
    """Print a datapath's parameters as a SystemVerilog package."""
    from npusim.datapath import load_datapath
    from npusim.datapath.systemverilog import package

    typer.echo(package(load_datapath(source)), nl=False)


@app.command()
def c(
    source: Source,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="The folder to write.")],
    unit: Annotated[
        str | None,
        typer.Option(
            "--unit", metavar="U", help="Also a program that answers this unit's cases, a line for each."
        ),
    ] = None,
    beats: Annotated[int, typer.Option("--beats", min=1, max=64, help="Of the unit mac_column.")] = 4,
) -> None:
    """Write a datapath's arithmetic as C: header, source, DPI-C imports for scoreboards."""
    from npusim.datapath import load_datapath
    from npusim.files.atomic import output_folder, write_text
    from npusim.vectors.c_device import c_device
    from npusim.vectors.c_reference import c_reference
    from npusim.vectors.units import unit_named

    datapath = load_datapath(source)
    made = c_reference(datapath)
    files = {
        f"{made.name}.h": made.header,
        f"{made.name}.c": made.source,
        f"{made.name}_dpi.sv": made.imports,
    }
    if unit is not None:
        files["device.c"] = c_device(unit_named(datapath, unit, beats))
    with output_folder(output) as folder:
        for name, text in files.items():
            write_text(folder / name, text)
    typer.echo(f"{output}: {', '.join(files)}")


@app.command()
def cells(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="D...", help="Presets' names, or paths.", autocompletion=options.complete_datapath
        ),
    ],
    json: options.Json = False,
) -> None:
    """Count the gates of datapaths' rescales, by Yosys: to compare them, no chip's area."""
    from npusim.analysis.cells import count_cells
    from npusim.cli.progress import Progress
    from npusim.cli.tables import print_table
    from npusim.datapath import load_datapath

    datapaths = [load_datapath(source) for source in sources]
    found = []
    with Progress("rescales") as progress:
        for done, datapath in enumerate(datapaths):
            progress.count(done, len(datapaths))
            found.append(count_cells(datapath))
    if json:
        from json import dumps

        rows = [{"name": d.name, "cells": count} for d, count in zip(datapaths, found, strict=True)]
        typer.echo(dumps(rows))
        return
    shares = [f"{100 * count / max(found[0], 1):.0f} %" for count in found]
    names = [datapath.name for datapath in datapaths]
    print_table(("datapath", "cells", "of the first"), list(zip(names, found, shares, strict=True)))
