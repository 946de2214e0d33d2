"""``npusim init``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from npusim.cli import options


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder to write to.")] = Path(
        "npusim-starter"
    ),
    force: Annotated[bool, typer.Option("--force", help="Replace files of the same names.")] = False,
    json: options.Json = False,
) -> None:
    """Write a commented starter project: a network, a datapath, a recipe, and the commands to go on with."""
    from npusim.starter import commands, write_starter

    written = write_starter(folder, replace=force)
    if json:
        from json import dumps

        typer.echo(dumps({"files": [str(path) for path in written.files], "replaced": written.replaced}))
        return
    for path in written.files:
        typer.echo(f"{path}{': replaced' if path.name in written.replaced else ''}")
    typer.echo("\nNext, there:")
    for command in commands():
        typer.echo(f"  {command}")
