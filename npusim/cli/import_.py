"""``npusim import``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from npusim.cli import options


def import_(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="Float or quantized .onnx, integer .tflite.")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="OUT.yaml", help="Where to write it.")],
    mean: Annotated[
        str | None, typer.Option(help="Preprocessing of raw data, (x - mean) / std: one, or one per channel.")
    ] = None,
    std: Annotated[str | None, typer.Option(help="As --mean, for example 127.5 or 58.4,57.1,57.4.")] = None,
    channel_order: Annotated[str, typer.Option(help="The channels the model expects: rgb or bgr.")] = "rgb",
    last_softmax: Annotated[
        str, typer.Option(help="A float model's last softmax: host (it answers with logits) or keep.")
    ] = "host",
) -> None:
    """Import a float ONNX model as a network, a quantized ONNX or integer TFLite model as a program."""
    from npusim.importers import import_model
    from npusim.network import Network

    options.check_output(output, model)
    made = import_model(
        model,
        mean=_numbers(mean, "--mean"),
        std=_numbers(std, "--std"),
        channel_order=channel_order,
        last_softmax=last_softmax,
    )
    made.save(output)
    what = f"{len(made.layers)} layers" if isinstance(made, Network) else f"{len(made.steps)} steps"
    typer.echo(f"{output}: {what}")
    for note in made.notes:
        typer.echo(f"note: {note}")


def _numbers(text: str | None, option: str) -> tuple[float, ...] | None:
    from npusim.errors import InputError

    if text is None:
        return None
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise InputError("not a list of numbers", key=option, found=text, allowed="such as 127.5") from None
