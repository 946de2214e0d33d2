"""``npusim datapath``: list, show, sv."""

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
