"""``npusim vectors``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from npusim.cli import options


def vectors(
    program: options.Program,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="The folder to write.")],
    inputs: Annotated[Path, typer.Option("--input", metavar="X.h5", help="Images: HDF5 or npz.")],
    step: Annotated[
        list[str] | None, typer.Option("--step", help="Only this step; may be given again.")
    ] = None,
    format_: Annotated[str, typer.Option("--format", help="hex ($readmemh) or npy.")] = "hex",
    images: Annotated[int, typer.Option("--images", min=1, help="How many images.")] = 1,
    sample: Annotated[
        int | None, typer.Option("--sample", min=1, help="Of large steps, only so many output pixels.")
    ] = None,
    json: options.Json = False,
) -> None:
    """Write golden vectors: stimulus, parameters, expected accumulators and outputs in beat order."""
    import npusim
    from npusim.cli.progress import Progress
    from npusim.files.data import open_data
    from npusim.vectors import VectorFormat, write_vectors

    loaded = npusim.load_program(program)
    with open_data(inputs) as file:
        data = file.read(0, min(images, file.shape[0]))
    with Progress("writing vectors") as progress:
        manifest = write_vectors(
            loaded,
            data,
            output,
            steps=step,
            format=VectorFormat(format_),
            images=images,
            sample_pixels=sample,
            progress=progress.count,
        )
    if json:
        typer.echo(manifest.model_dump_json())
    else:
        typer.echo(f"{output}: {len(manifest.steps)} steps, {manifest.words:,} words; see manifest.json")
