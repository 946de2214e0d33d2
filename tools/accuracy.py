"""The accuracy table: zoo networks x recipes x widths, as integers in the simulator.

    NPUSIM_ZOO=... python tools/accuracy.py -o results [--network N ...] [--recipe R ...] [--bits w6a8 ...]

Every point runs in a process of its own (its memory is measured) and leaves a JSON file, so that an
interrupted table goes on where it stopped; float's answers are kept for the next recipe. The images that a
recipe calibrates on are none of those it is reported on. Writes accuracy.csv and accuracy.md beside the
points.

--bits w4a8 takes 4 bits of the weights and 8 of the activations: the recipe's passes are told so, the
datapath's registers stay as wide as they are. --weights-only rounds nothing but weights.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

import npusim
from npusim.compiler.passes.activation_ranges import ActivationRanges
from npusim.compiler.passes.quantize_weights import QuantizeWeights
from npusim.compiler.recipe import Recipe, load_recipe
from npusim.evaluation.run import Options, evaluate_samples
from npusim.files.atomic import write_text
from npusim.task import TaskKind
from tools import weights_only
from tools.program_needs import needs, weight_bytes
from tools.zoo import NETWORKS, TestSamples, ZooNetwork, calibration, load

RECIPES = ("layerwise", "per_channel", "wes", "dfq", "best_data_free", "wes_ibc", "best_calibrated")
COLUMNS = {
    "network": "network",
    "recipe": "recipe",
    "bits": "bits",
    "datapath": "datapath",
    "needs": "must have",
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
    "compile_cpu_seconds": "CPU s",
    "peak_mb": "peak MB",
}


def at_bits(recipe: Recipe, bits: str) -> Recipe:
    """The recipe with its widths changed, w<weights>a<activations>; "" leaves it as it is."""
    if not bits:
        return recipe
    weights, activations = (int(found) for found in re.findall(r"\d+", bits))
    widths = {QuantizeWeights: weights, ActivationRanges: activations}
    passes = tuple(p.replace(bits=widths[type(p)]) if type(p) in widths else p for p in recipe.passes)
    return recipe.replace(passes=passes)


def run_point(network: ZooNetwork, recipe: Recipe, options: argparse.Namespace) -> dict[str, Any]:
    """Compile one network by one recipe and compare it with its float self."""
    model, images = load(network), calibration(network, options.calibrate)
    samples = TestSamples(network, options.images)
    if options.weights_only:
        return _weights_alone(network, recipe, options, samples)
    started, busy = time.perf_counter(), time.process_time()
    program = npusim.compile(model, options.datapath, recipe, images)
    compiled, worked = time.perf_counter() - started, time.process_time() - busy
    how = Options(steps=options.steps, cache=options.output / "float")
    found = evaluate_samples(model, program, samples, how)
    result = {
        "network": network.name,
        "recipe": recipe.name,
        "datapath": program.datapath.name,
        "needs": needs(program),
        "images": found.images,
        "task": found.task.value,
        "agreement": found.agreement,
        "output_sqnr_db": next(iter(found.outputs.values()), None),
        "worst_sqnr_db": min((step.sqnr_db for step in found.steps), default=None),
        "step_images": found.step_images,
        "macs": program.macs,
        "weight_bytes": weight_bytes(program),
        "notes": list(program.notes),
        "compile_seconds": compiled,
        "compile_cpu_seconds": worked,
        "eval_seconds": time.perf_counter() - started - compiled,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    return {**result, **_judged(found.task, found.measures)}


def _weights_alone(
    network: ZooNetwork, recipe: Recipe, options: argparse.Namespace, samples: TestSamples
) -> dict[str, Any]:
    model = load(network)
    datapath = npusim.load_datapath(options.datapath)
    changed = weights_only.quantized_weights(model, datapath, recipe, calibration(network, options.calibrate))
    count, measures = weights_only.measure(model, changed, samples, options.output / "float")
    result = {
        "network": network.name,
        "recipe": f"{recipe.name}, weights only",
        "datapath": "float but for weights",
        "images": count,
        "task": network.task.value,
        "agreement": measures.get("agreement"),
    }
    return {**result, **_judged(network.task, measures)}


def _judged(task: TaskKind, measures: dict[str, Any]) -> dict[str, Any]:
    """The task's own measure, with the paired interval of the difference where there is one."""
    name = {TaskKind.CLASSIFICATION: "top1", TaskKind.RECONSTRUCTION: "auc"}.get(task)
    judged = {side: measures.get(side, {}).get(name) for side in ("float", "integer") if name is not None}
    if name in measures.get("difference", {}):
        judged["interval"] = measures["difference"][name]["interval"]
    if "boxes" in measures:
        judged["box_overlap"] = measures["boxes"]["overlap_of_all_anchors"]
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
        if point.get("interval") is None:
            return "-"
        low, high = (100 * end for end in point["interval"])
        return f"{100 * (point['integer'] - point['float']):+.1f} [{low:+.1f}, {high:+.1f}]"
    value = point.get(key)
    if value is None or value == "":
        return "-"
    if key == "agreement":
        also = {"miou": "mIoU", "box_overlap": "boxes"}
        words = [f"{name} {100 * point[kind]:.1f}" for kind, name in also.items() if kind in point]
        return f"{100 * value:.1f}" + (f" ({', '.join(words)})" if words else "")
    if key in {"float", "integer"}:
        return f"{100 * value:.1f}"
    if isinstance(value, float):
        return f"{value:,.1f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--network", action="append", choices=list(NETWORKS))
    parser.add_argument("--recipe", action="append", help="a name or a path")
    parser.add_argument("--bits", action="append", type=_bits, help="such as w6a8; without: the recipe's own")
    parser.add_argument("--datapath", default="wes_npu")
    parser.add_argument("--images", type=int, help="at most so many test images")
    parser.add_argument("--calibrate", type=int, default=64, help="at most so many calibration images")
    parser.add_argument("--steps", type=int, default=16, help="SQNR of steps on so many test images")
    parser.add_argument("--weights-only", action="store_true", help="activations stay in float")
    parser.add_argument("--point", nargs=3, help=argparse.SUPPRESS)
    return parser


def _bits(text: str) -> str:
    if not re.fullmatch(r"w\d+a\d+", text):
        raise argparse.ArgumentTypeError(f"{text!r}; wanted are widths such as w6a8")
    return text


def main() -> None:
    """Run what is missing, then write the tables."""
    options = _parser().parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    if options.point:
        network, recipe, bits = options.point
        point = run_point(NETWORKS[network], at_bits(load_recipe(recipe), bits), options)
        print(json.dumps({**point, "bits": bits}))
        return
    points = [
        _point(options, network, recipe, bits)
        for network in options.network or NETWORKS
        for recipe in options.recipe or RECIPES
        for bits in options.bits or [""]
    ]
    print(write_tables([point for point in points if point], options.output))


def _point(options: argparse.Namespace, network: str, recipe: str, bits: str) -> dict[str, Any] | None:
    """One point: read if it was run before, else run."""
    name, kind = Path(recipe).stem, "weights" if options.weights_only else Path(options.datapath).stem
    counts = f"{options.images or 'all'}.{options.calibrate}.{options.steps}"
    path = options.output / ".".join(filter(None, [network, name, bits, kind, counts, "json"]))
    if not path.exists():
        command = [sys.executable, __file__, "-o", str(options.output), "--point", network, recipe, bits]
        command += ["--datapath", options.datapath, "--calibrate", str(options.calibrate)]
        command += ["--steps", str(options.steps)]
        command += [] if options.images is None else ["--images", str(options.images)]
        command += ["--weights-only"] if options.weights_only else []
        print(f"{network} {name} {bits} ...", file=sys.stderr, flush=True)
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            print(done.stderr.strip().splitlines()[-1], file=sys.stderr)
            return None
        write_text(path, done.stdout.splitlines()[-1] + "\n")
    made: dict[str, Any] = json.loads(path.read_text())
    return made


if __name__ == "__main__":
    main()
