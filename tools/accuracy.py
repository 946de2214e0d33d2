"""The accuracy table: zoo networks x recipes, as integers in the simulator.

    NPUSIM_ZOO=... python tools/accuracy.py -o results [--network N ...] [--recipe R ...] [--images 375]

Every point runs in a process of its own (its memory is measured) and leaves a JSON file, so that an
interrupted table goes on where it stopped. The images that a recipe calibrates on are none of those it
is reported on. Writes accuracy.csv and accuracy.md beside the points.
"""

from __future__ import annotations

import argparse
import csv
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

import npusim
from npusim.evaluate import evaluate
from npusim.files.atomic import write_text
from tools.zoo import NETWORKS, Judge, ZooNetwork, calibration, load, rows, test_batches

RECIPES = ("layerwise", "per_channel", "wes", "dfq", "best_data_free", "wes_ibc")
COLUMNS = {
    "network": "network",
    "recipe": "recipe",
    "datapath": "datapath",
    "images": "images",
    "float": "float",
    "integer": "integer",
    "difference": "difference [95 %]",
    "agreement": "same as float",
    "output_sqnr_db": "SQNR",
    "worst_sqnr_db": "worst step",
    "macs": "MACs",
    "weight_bytes": "weight bytes",
    "compile_seconds": "compile s",
    "eval_seconds": "eval s",
    "peak_mb": "peak MB",
}


class Answers:
    """What a judge needs of every image's answers."""

    def __init__(self) -> None:
        self.real: list[Any] = []
        self.integer: list[Any] = []
        self.errors: list[tuple[Any, Any]] = []

    def classes(self, raw: Any, real: Any, integer: Any) -> None:
        """First choices over the last axis."""
        self.real.append(real.argmax(axis=-1))
        self.integer.append(integer.argmax(axis=-1))

    def reconstruction(self, raw: Any, real: Any, integer: Any) -> None:
        """Squared error of an autoencoder's windows."""
        self.errors.append((((real - raw) ** 2).mean(axis=1), ((integer - raw) ** 2).mean(axis=1)))


def run_point(
    network: ZooNetwork, recipe: str, datapath: str, images: int | None, calibrate: int
) -> dict[str, Any]:
    """Compile one network by one recipe and compare it with its float self."""
    model = load(network)
    started = time.perf_counter()
    program = npusim.compile(model, datapath, recipe, calibration(network, calibrate))
    compiled = time.perf_counter()
    answers = Answers()
    see = answers.reconstruction if network.judge is Judge.AUC else answers.classes
    size = 2 if network.judge in {Judge.AUC, Judge.PIXELS} else 4
    data = _unlabelled(network, size, images) if network.judge is not Judge.TOP1 else None
    batches = test_batches(network, size, images) if data is None else data
    found = evaluate(model, program, batches, label_offset=network.label_offset, answers=see)
    finished = time.perf_counter()
    result = {
        "network": network.name,
        "recipe": recipe,
        "datapath": program.datapath.name,
        "images": found.images,
        "judge": network.judge.value,
        "agreement": found.agreement,
        "output_sqnr_db": next(iter(found.outputs.values()), None),
        "worst_sqnr_db": min((step.sqnr_db for step in found.steps), default=None),
        "macs": program.macs,
        "weight_bytes": sum(step.weights.nbytes for step in program.steps if hasattr(step, "weights")),
        "overflows": sum(s.overflows for s in found.statistics.values()),
        "notes": list(program.notes),
        "compile_seconds": compiled - started,
        "eval_seconds": finished - compiled,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    return {**result, **_judged(network, found, answers, images)}


def _unlabelled(network: ZooNetwork, size: int, images: int | None) -> Any:
    for batch, _ in test_batches(network, size, images):
        yield batch, None


def _judged(network: ZooNetwork, found: Any, answers: Answers, images: int | None) -> dict[str, Any]:
    """The task's own measure, and for classification a paired interval of the difference."""
    if network.judge is Judge.TOP1:
        labels = np.concatenate([labels for _, labels in test_batches(network, 64, images)])
        labels = labels + network.label_offset
        right = [np.concatenate(part).reshape(-1) == labels for part in (answers.real, answers.integer)]
        change = right[1].astype(float) - right[0].astype(float)
        half = 1.96 * change.std(ddof=1) / np.sqrt(len(change))
        interval = [change.mean() - half, change.mean() + half]
        return {"float": found.float_top1, "integer": found.integer_top1, "interval": interval}
    if network.judge is Judge.AUC:
        file, start, stop = network.test[0]
        labels = _file_labels(network, file, start, stop if images is None else min(stop, start + images))
        scores = [np.concatenate([pair[side] for pair in answers.errors]) for side in range(2)]
        per_file = [score.reshape(len(labels), -1).mean(axis=1) for score in scores]
        return {"float": _auc(per_file[0], labels), "integer": _auc(per_file[1], labels)}
    if network.judge is Judge.PIXELS:
        real, integer = np.concatenate(answers.real), np.concatenate(answers.integer)
        return {"agreement": float((real == integer).mean()), "miou": _miou(real, integer)}
    return {}


def _file_labels(network: ZooNetwork, file: str, start: int, stop: int) -> Any:
    _, labels = rows(network, file, start, stop)
    assert labels is not None
    return labels


def _auc(scores: Any, labels: Any) -> float:
    """The share of (anomaly, normal) pairs in which the anomaly scores higher."""
    higher = scores[labels == 1][:, None] - scores[labels == 0][None, :]
    return float((higher > 0).mean() + 0.5 * (higher == 0).mean())


def _miou(real: Any, integer: Any) -> float:
    """Mean intersection over union of the integer map against the float map, over classes that occur."""
    classes = np.union1d(real, integer)
    shares = [((real == c) & (integer == c)).sum() / ((real == c) | (integer == c)).sum() for c in classes]
    return float(np.mean(shares))


def write_tables(points: list[dict[str, Any]], folder: Path) -> str:
    """CSV and Markdown of all points."""
    with (folder / "accuracy.csv").open("w", newline="") as file:
        keys = sorted({key for point in points for key in point} - {"notes"})
        writer = csv.DictWriter(file, keys, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(points)
    lines = ["| " + " | ".join(COLUMNS.values()) + " |", "| " + " | ".join("---" for _ in COLUMNS) + " |"]
    lines += ["| " + " | ".join(_cell(point, key) for key in COLUMNS) + " |" for point in points]
    text = "\n".join(lines) + "\n"
    write_text(folder / "accuracy.md", text)
    return text


def _cell(point: dict[str, Any], key: str) -> str:
    if key == "difference":
        if "interval" not in point:
            return "-"
        low, high = (100 * end for end in point["interval"])
        return f"{100 * (point['integer'] - point['float']):+.1f} [{low:+.1f}, {high:+.1f}]"
    value = point.get(key)
    if value is None:
        return "-"
    if key in {"float", "integer", "agreement"}:
        return f"{100 * value:.1f}"
    return (
        f"{value:,.1f}"
        if isinstance(value, float)
        else f"{value:,}"
        if isinstance(value, int)
        else str(value)
    )


def main() -> None:
    """Run what is missing, then write the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--network", action="append", choices=list(NETWORKS))
    parser.add_argument("--recipe", action="append")
    parser.add_argument("--datapath", default="wes_npu")
    parser.add_argument("--images", type=int, help="at most so many test images")
    parser.add_argument("--calibrate", type=int, default=64, help="at most so many calibration images")
    parser.add_argument("--point", nargs=2, metavar=("NETWORK", "RECIPE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.point:
        network, recipe = options.point
        point = run_point(NETWORKS[network], recipe, options.datapath, options.images, options.calibrate)
        print(json.dumps(point))
        return
    options.output.mkdir(parents=True, exist_ok=True)
    points = [
        _point(options, network, recipe)
        for network in options.network or NETWORKS
        for recipe in options.recipe or RECIPES
    ]
    print(write_tables([point for point in points if point], options.output))


def _point(options: argparse.Namespace, network: str, recipe: str) -> dict[str, Any] | None:
    """One point: read if it was run before, else run."""
    name = Path(recipe).stem
    counts = f"{options.images or 'all'}.{options.calibrate}"
    path = options.output / f"{network}.{name}.{Path(options.datapath).stem}.{counts}.json"
    if not path.exists():
        command = [sys.executable, __file__, "-o", str(options.output), "--point", network, recipe]
        command += ["--datapath", options.datapath, "--calibrate", str(options.calibrate)]
        command += [] if options.images is None else ["--images", str(options.images)]
        print(f"{network} {name} ...", file=sys.stderr, flush=True)
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            print(done.stderr.strip().splitlines()[-1], file=sys.stderr)
            return None
        write_text(path, done.stdout.splitlines()[-1] + "\n")
    made: dict[str, Any] = json.loads(path.read_text())
    return made


if __name__ == "__main__":
    main()
