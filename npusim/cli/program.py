"""``npusim program``: seal."""

from __future__ import annotations

import typer

from npusim.cli import options

app = typer.Typer(help="Programs edited by hand.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Programs edited by hand."""


@app.command()
def seal(program: options.Program, json: options.Json = False) -> None:
    """Accept arrays edited by hand: make digests anew, mark the program as edited."""
    from npusim.program import seal as seal_program

    sealed = seal_program(program)
    if json:
        from json import dumps

        typer.echo(dumps({"program": str(program), "steps": len(sealed.steps), "edited": sealed.edited}))
        return
    typer.echo(f"{program}: sealed, {len(sealed.steps)} steps, marked as edited")
