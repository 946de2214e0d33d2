"""``npusim import``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from npusim.cli import options

if TYPE_CHECKING:
    from npusim.network import Network
    from npusim.program import Program


def import_(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="Float or quantized .onnx, integer .tflite or .tosa.")
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
    task: Annotated[
        str | None, typer.Option(help="What a network's answers are for, as `npusim eval` judges them.")
    ] = None,
    label_offset: Annotated[int, typer.Option(help="With --task: 1 for models with a background class.")] = 0,
    json: options.Json = False,
) -> None:
    """Import a float ONNX model as a network, a quantized ONNX, integer TFLite or TOSA model as a program."""
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
    if task is not None:
        made = _with_task(made, task, label_offset)
    made.save(output)
    kind, count = ("layers", len(made.layers)) if isinstance(made, Network) else ("steps", len(made.steps))
    if json:
        from json import dumps

        typer.echo(dumps({"output": str(output), kind: count, "notes": list(made.notes)}))
        return
    typer.echo(f"{output}: {count} {kind}")
    for note in made.notes:
        typer.echo(f"note: {note}")


def _with_task(made: Network | Program, name: str, label_offset: int) -> Network:
    from npusim.errors import InputError
    from npusim.network import Network
    from npusim.task import Task, TaskKind

    kind = options.choice(TaskKind, name, "--task")
    if not isinstance(made, Network):
        raise InputError("only float networks carry a task; `npusim eval` takes it", key="--task")
    return made.replace(task=Task(kind=kind, label_offset=label_offset))


def _numbers(text: str | None, option: str) -> tuple[float, ...] | None:
    from npusim.errors import InputError

    if text is None:
        return None
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise InputError("not a list of numbers", key=option, found=text, allowed="such as 127.5") from None
