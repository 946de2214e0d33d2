"""``npusim datapath``: list, show, sv, cells."""

from __future__ import annotations

from typing import Annotated

import typer

from npusim.cli import options

app = typer.Typer(help="The datapaths that ship; one in words; one as SystemVerilog.", no_args_is_help=True)

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
