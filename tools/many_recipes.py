"""Many recipes on the same networks, integers alone: float answers once, no steps looked into.

What `accuracy.py` finds of a program's answers, without SQNR of steps; for tables that compare settings.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import npusim
from npusim.compiler.recipe import Recipe
from npusim.evaluate import Evaluation, Options, evaluate_samples
from npusim.evaluation.intervals import paired_interval
from npusim.files.atomic import write_text
from npusim.task import TaskKind
from tools.program_needs import weight_bytes
from tools.zoo import NETWORKS, TestSamples, calibration, load

Point = dict[str, Any]

_MEASURES = {TaskKind.CLASSIFICATION: "top1", TaskKind.RECONSTRUCTION: "auc"}


def run_points(
    folder: Path,
    networks: Iterable[str],
    recipes: Sequence[Recipe],
    *,
    datapath: str = "wes_npu",
    images: int | None = None,
    calibrate: int = 64,
) -> list[Point]:
    """A point for every network and recipe; those whose file is there are read.

    Parameters
    ----------
    folder
        Gets a JSON file for each point, and float's answers.
    calibrate
        At most so many calibration images; 0: none are given.
    """
    return [
        _point(folder, network, recipe, datapath, images, calibrate)
        for network in networks
        for recipe in recipes
    ]


def _point(
    folder: Path, name: str, recipe: Recipe, datapath: str, images: int | None, calibrate: int
) -> Point:
    path = folder / f"{name}.{recipe.name}.{datapath}.{images or 'all'}.{calibrate}.json"
    if not path.exists():
        print(f"{name} {recipe.name} ...", file=sys.stderr, flush=True)
        folder.mkdir(parents=True, exist_ok=True)
        write_text(path, json.dumps(_run(folder / "float", name, recipe, datapath, images, calibrate)) + "\n")
    made: Point = json.loads(path.read_text())
    return made


def _run(cache: Path, name: str, recipe: Recipe, datapath: str, images: int | None, calibrate: int) -> Point:
    network = NETWORKS[name]
    model = load(network)
    data = calibration(network, calibrate) if calibrate else None
    started = time.process_time()
    program = npusim.compile(model, datapath, recipe, data)
    seconds = time.process_time() - started
    found = evaluate_samples(model, program, TestSamples(network, images), Options(steps=0, cache=cache))
    return {
        "network": name,
        "recipe": recipe.name,
        "datapath": program.datapath.name,
        "images": found.images,
        "agreement": found.agreement,
        "sqnr": next(iter(found.outputs.values()), None),
        "weight_bytes": weight_bytes(program),
        "compile_seconds": seconds,
        "notes": list(program.notes),
        "disagreements": [one.to_json() for one in found.disagreements],
        **_judged(found),
    }


def _judged(found: Evaluation) -> Point:
    """The task's own measure of both, and the paired interval of their difference."""
    name = _MEASURES.get(found.task)
    measures: Mapping[str, Any] = found.measures
    if name is None or name not in measures.get("difference", {}):
        return {}
    sides = {side: measures[side][name] for side in ("float", "integer")}
    return {**sides, "interval": measures["difference"][name]["interval"]}


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines) + "\n"


def percent(point: Point, key: str) -> str:
    """A share in %, or a dash."""
    return "-" if point.get(key) is None else f"{100 * point[key]:.1f}"


def agreement_difference(first: Point, second: Point) -> str:
    """By how many points of the images the second gives float's answer more often, with its 95 % interval."""
    lost, kept = ({one["index"] for one in point["disagreements"]} for point in (second, first))
    return _paired(first, kept - lost, lost - kept)


def accuracy_difference(first: Point, second: Point) -> str:
    """The same of answers that are right; a dash where there are no labels."""
    if "interval" not in first:
        return "-"
    answers = [{one["index"]: one for one in point["disagreements"]} for point in (first, second)]
    gained, lost = set(), set()
    for index in answers[0].keys() | answers[1].keys():
        one = answers[0].get(index) or answers[1][index]
        right = [side.get(index, {"integer": one["float"]})["integer"] == one["label"] for side in answers]
        if right[0] != right[1]:
            (gained if right[1] else lost).add(index)
    return _paired(first, gained, lost)


def _paired(point: Point, gained: set[int], lost: set[int]) -> str:
    low, high = (100 * end for end in paired_interval(len(gained), len(lost), point["images"]))
    return f"{100 * (len(gained) - len(lost)) / point['images']:+.1f} [{low:+.1f}, {high:+.1f}]"


def difference(point: Point) -> str:
    """Integer minus float with its 95 % interval, in points."""
    if "interval" not in point:
        return "-"
    low, high = (100 * end for end in point["interval"])
    return f"{100 * (point['integer'] - point['float']):+.1f} [{low:+.1f}, {high:+.1f}]"
