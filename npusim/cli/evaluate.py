"""``npusim eval``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from npusim.cli import options

if TYPE_CHECKING:
    from npusim.network import Network
    from npusim.preprocess import Fit
    from npusim.task import Task


def evaluate(
    network: Annotated[
        Path,
        typer.Argument(metavar="NET.yaml", help="The float network; or the program alone."),
    ],
    program: Annotated[
        Path | None,
        typer.Argument(metavar="PROG.yaml", help="The program; without a network: integers alone."),
    ] = None,
    data: Annotated[
        list[Path] | None,
        typer.Option(
            "--data", metavar="X", help="HDF5, npz, or a folder of images; files may be given again."
        ),
    ] = None,
    labels: Annotated[
        Path | None, typer.Option("--labels", metavar="CSV", help="Path and label of each image of a folder.")
    ] = None,
    label_offset: Annotated[
        int | None,
        typer.Option("--label-offset", help="Added to labels: 1 for models with a background class."),
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(
            "--task",
            help="classification, segmentation, detection, reconstruction, embedding, "
            "fidelity; default: as the network says, or its shapes suggest.",
        ),
    ] = None,
    fit: Annotated[
        str | None, typer.Option("--fit", help="Images of another size: crop, pad, or stretch (image files).")
    ] = None,
    images: Annotated[int | None, typer.Option("--images", min=1, help="At most so many samples.")] = None,
    layers: Annotated[
        int, typer.Option("--layers", min=0, help="SQNR of every step over the first so many samples.")
    ] = 32,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="DIR",
            help="Keep finished pieces here: an interrupted run goes on; and evaluation.json.",
        ),
    ] = None,
    disagreements: Annotated[
        Path | None,
        typer.Option("--disagreements", metavar="CSV", help="Write the images answered differently."),
    ] = None,
    cache: Annotated[
        bool, typer.Option("--cache/--no-cache", help="Keep float's answers for the next program.")
    ] = True,
    batch: Annotated[
        int | None, typer.Option("--batch", min=1, help="Samples computed at once without a network.")
    ] = None,
    threads: options.Threads = None,
    json: options.Json = False,
) -> None:
    """Compare a program with its float network: accuracy, agreement, SQNR; without it: accuracy alone."""
    import npusim
    from npusim.cli.data import open_samples
    from npusim.cli.evaluation import print_evaluation, write_disagreements
    from npusim.cli.legality import is_network
    from npusim.cli.progress import Progress
    from npusim.errors import InputError
    from npusim.evaluate import evaluate_samples
    from npusim.evaluation.run import Options

    if not data:
        raise typer.BadParameter("Missing option '--data'.")
    if program is None and is_network(network):
        raise InputError("is a network; its program is missing", file=network, allowed="NET.yaml PROG.yaml")
    if disagreements is not None:
        options.check_output(disagreements, network, *([] if program is None else [program]), *data)
    model = None if program is None else npusim.load_network(network)
    loaded = npusim.load_program(program or network)
    chosen = Options(
        task=_task(task, model),
        label_offset=label_offset,
        fit=_fit(fit),
        limit=images,
        steps=layers,
        batch=batch,
        threads=threads,
        folder=output,
        cache=_cache() if cache and model is not None else None,
    )
    preprocess = loaded.real.preprocess if model is None else model.preprocess
    with (
        open_samples(
            data, loaded.inputs[0].shape, preprocess, fit=chosen.fit, labels=labels, threads=threads
        ) as samples,
        Progress("images") as progress,
    ):
        result = evaluate_samples(model, loaded, samples, chosen, progress.count)
    if output is not None:
        _save(output / "evaluation.json", result.to_json())
    if disagreements is not None:
        write_disagreements(disagreements, result)
    print_evaluation(result, as_json=json)


def _task(name: str | None, network: Network | None) -> Task | None:
    """The task that an option names, with the network's settings where it is the same one."""
    from npusim.task import Task, TaskKind

    if name is None:
        return None
    kind = options.choice(TaskKind, name, "--task")
    own = None if network is None else network.task
    return own if own is not None and own.kind is kind else Task(kind=kind)


def _fit(name: str | None) -> Fit | None:
    from npusim.preprocess import Fit

    return None if name is None else options.choice(Fit, name, "--fit")


def _cache() -> Path | None:
    from npusim.user_cache import float_folder

    return float_folder()


def _save(path: Path, content: dict[str, Any]) -> None:
    import json

    from npusim.files.atomic import write_text

    write_text(path, json.dumps(content, indent=1) + "\n")
