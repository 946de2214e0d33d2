"""An evaluation for people, as JSON, and its disagreements as CSV."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from npusim.cli.tables import decibels, percent, print_table

if TYPE_CHECKING:
    from npusim.evaluation.result import Evaluation

_SHOWN = 10


def print_evaluation(result: Evaluation, *, as_json: bool) -> None:
    """Print it."""
    if as_json:
        import json

        typer.echo(json.dumps(result.to_json()))
        return
    typer.echo(f"{result.images} samples, judged as {result.task.value}")
    _PRINTERS.get(result.task.value, _nothing)(result)
    if not result.measures and not result.outputs:
        typer.echo("note: without its float network there is nothing that these answers are compared with")
    for note in result.measures.get("notes", []):
        typer.echo(f"note: {note}")
    for name, found in result.outputs.items():
        typer.echo(f"SQNR of {name}: {decibels(found)}")
    _print_steps(result)


def _print_steps(result: Evaluation) -> None:
    if not result.steps:
        return
    typer.echo(f"SQNR of every step over the first {result.step_images} samples:")
    print_table(
        ("step", "tensor", "accumulated", "alone"),
        [
            (step.name, step.tensor, decibels(step.sqnr_db), decibels(step.alone_sqnr_db))
            for step in result.steps
        ],
    )


def _classification(result: Evaluation) -> None:
    measures = result.measures
    for name in ("top1", "top5"):
        shares = [(side, measures.get(side, {}).get(name)) for side in ("float", "integer")]
        known = [f"{side} {percent(share)}" for side, share in shares if share is not None]
        if known:
            change = measures.get("difference", {}).get(name)
            typer.echo(
                f"{name[:3]}-{name[3:]}: {', '.join(known)}" + ("" if change is None else _change(change))
            )
    if result.agreement is not None:
        low, high = (percent(end) for end in measures["agreement_interval"])
        typer.echo(f"same first choice as float: {percent(result.agreement)} [{low}, {high}]")
    for found in result.disagreements[:_SHOWN]:
        name = "" if found.name is None else f" {found.name}"
        label = "" if found.label is None else f", label {found.label}"
        typer.echo(
            f"  {found.index}{name}: float {found.float_answer}, integer {found.integer_answer}{label}"
        )
    if len(result.disagreements) > _SHOWN:
        typer.echo(f"  and {len(result.disagreements) - _SHOWN} more (--disagreements FILE writes all)")


def _change(change: dict[str, Any]) -> str:
    low, high = (100 * end for end in change["interval"])
    return f", difference {100 * change['mean']:+.1f} points [{low:+.1f}, {high:+.1f}]"


def _segmentation(result: Evaluation) -> None:
    if "miou" in result.measures:
        typer.echo(f"pixels of the same class as float: {percent(result.agreement)}")
        typer.echo(f"mean intersection over union with float's map: {percent(result.measures['miou'])}")


def _detection(result: Evaluation) -> None:
    if "boxes" not in result.measures:
        return
    boxes = result.measures["boxes"]
    typer.echo(f"anchors of the same class as float: {percent(result.agreement)}")
    counts = [result.measures[side]["detections"] for side in ("float", "integer")]
    typer.echo(f"anchors that fire: float {counts[0]}, integer {counts[1]}, the same box {boxes['matched']}")
    typer.echo(f"recall {percent(boxes['recall'])}, precision {percent(boxes['precision'])}")
    typer.echo(f"overlap of all anchors' boxes: {percent(boxes['overlap_of_all_anchors'])}")


def _reconstruction(result: Evaluation) -> None:
    sides = {side: result.measures[side] for side in ("float", "integer") if side in result.measures}
    known = [f"{side} {found['auc']:.4f}" for side, found in sides.items() if found["auc"] is not None]
    if known:
        change = result.measures.get("difference", {}).get("auc")
        more = "" if change is None else _auc_change(change)
        typer.echo(f"AUC of the squared error: {', '.join(known)}{more}")
    errors = [f"{side} {found['error']:.4g}" for side, found in sides.items()]
    if errors:
        typer.echo(f"mean squared error: {', '.join(errors)}")


def _auc_change(change: dict[str, Any]) -> str:
    low, high = change["interval"]
    return f", difference {change['mean']:+.4f} [{low:+.4f}, {high:+.4f}]"


def _embedding(result: Evaluation) -> None:
    if "cosine" in result.measures:
        found = result.measures["cosine"]
        least = f"least {found['least']:.4f} (sample {found['least_index']})"
        typer.echo(f"cosine with float: mean {found['mean']:.4f}, {least}")


def _nothing(result: Evaluation) -> None:
    """SQNR says it all."""


_PRINTERS: dict[str, Callable[[Evaluation], None]] = {
    "classification": _classification,
    "segmentation": _segmentation,
    "detection": _detection,
    "reconstruction": _reconstruction,
    "embedding": _embedding,
}


def write_disagreements(path: Path, result: Evaluation) -> None:
    """A CSV file with one line for each image that is answered differently."""
    import csv
    import io

    from npusim.files.atomic import write_text

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("index", "name", "label", "float", "integer"))
    for found in result.disagreements:
        writer.writerow((found.index, found.name, found.label, found.float_answer, found.integer_answer))
    write_text(path, text.getvalue())
