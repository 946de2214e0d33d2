"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Network = Annotated[Path, typer.Argument(metavar="NET.yaml", help="The float network.")]
Program = Annotated[Path, typer.Argument(metavar="PROG.yaml", help="The integer program.")]
Datapath = Annotated[str, typer.Option("--datapath", metavar="D", help="A preset's name, or a path.")]
Recipe = Annotated[str, typer.Option("--recipe", metavar="R", help="A recipe's name, or a path.")]
Threads = Annotated[
    int | None, typer.Option("--threads", min=1, help="Images run side by side; default: one per processor.")
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Batch = Annotated[int, typer.Option("--batch", min=1, help="Images held in memory at once.")]
