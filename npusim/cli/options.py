"""Arguments and options that several commands share."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from npusim.cli.completion import complete_datapath, complete_recipe

Network = Annotated[Path, typer.Argument(metavar="NET.yaml", help="The float network.")]
Program = Annotated[Path, typer.Argument(metavar="PROG.yaml", help="The integer program.")]
Datapath = Annotated[
    str,
    typer.Option(
        "--datapath", metavar="D", help="A preset's name, or a path.", autocompletion=complete_datapath
    ),
]
Recipe = Annotated[
    str,
    typer.Option("--recipe", metavar="R", help="A recipe's name, or a path.", autocompletion=complete_recipe),
]
Threads = Annotated[
    int | None, typer.Option("--threads", min=1, help="Images run side by side; default: one per processor.")
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Batch = Annotated[int, typer.Option("--batch", min=1, help="Images held in memory at once.")]

Choice = TypeVar("Choice", bound=StrEnum)


def choice(choices: type[Choice], text: str, option: str) -> Choice:
    """One of an enumeration's values; typer would have to import it before it is needed.

    Raises
    ------
    InputError
        If there is no such value.
    """
    from npusim.errors import InputError
    from npusim.files.explain import closest

    try:
        return choices(text)
    except ValueError:
        problem = "no such choice" + closest(text, [item.value for item in choices])
        raise InputError(problem, key=option, found=text, allowed=", ".join(choices)) from None


def check_output(output: Path, *sources: Path) -> None:
    """Raise InputError before any work if `output` cannot be written or would replace what is read.

    A ``.yaml`` stands for its HDF5 companion as well.
    """
    from npusim.errors import InputError
    from npusim.files.atomic import check_writable

    check_writable(output)
    for source in sources:
        if _with_companion(output) & _with_companion(source):
            raise InputError(f"would replace what is read: {source}", file=output, allowed="another name")


def _with_companion(path: Path) -> set[Path]:
    yaml = path.suffix in {".yaml", ".yml"}
    return {path.resolve(), path.with_suffix(".h5").resolve()} if yaml else {path.resolve()}


def refuse(given: Mapping[str, object], why: str, allowed: str | None = None) -> None:
    """Raise InputError, which says why, for the first option that was given."""
    from npusim.errors import InputError

    for option, value in given.items():
        if value is not None and value != []:
            raise InputError(why, key=option, allowed=allowed)
