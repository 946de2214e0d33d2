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

sys.path.insert(0, str(Path(__file__).parent.parent))

import npusim
from npusim.evaluate import Evaluation, evaluate
from npusim.files.atomic import write_text
from npusim.task import TaskKind
from tools.zoo import NETWORKS, ZooNetwork, calibration, load, test_batches

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


def run_point(
    network: ZooNetwork, recipe: str, datapath: str, images: int | None, calibrate: int
) -> dict[str, Any]:
    """Compile one network by one recipe and compare it with its float self."""
    model = load(network)
    started = time.perf_counter()
    program = npusim.compile(model, datapath, recipe, calibration(network, calibrate))
    compiled = time.perf_counter()
    found = evaluate(model, program, test_batches(network, 16, images))
    finished = time.perf_counter()
    result = {
        "network": network.name,
        "recipe": Path(recipe).stem,
        "datapath": program.datapath.name,
        "images": found.images,
        "task": found.task.value,
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
    return {**result, **_judged(found)}


def _judged(found: Evaluation) -> dict[str, Any]:
    """The task's own measure, with the paired interval of the difference where there is one."""
    measures = found.measures
    name = {TaskKind.CLASSIFICATION: "top1", TaskKind.RECONSTRUCTION: "auc"}.get(found.task)
    judged = {side: measures.get(side, {}).get(name) for side in ("float", "integer") if name is not None}
    if name in measures.get("difference", {}):
        judged["interval"] = measures["difference"][name]["interval"]
    return judged | ({"miou": measures["miou"]} if "miou" in measures else {})


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
