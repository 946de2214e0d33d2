"""What each way of rounding weights gives, at 4 and at 8 bits.

    NPUSIM_ZOO=... python tools/rounding_methods.py -o results [--bits 4] [--network N ...] [--images 375]

`w4_nearest` with other roundings and widths: shift scaler, MSE ranges, 8-bit activations, biases corrected on
integer runs over the same calibration images in all of them. Resumable; writes rounding_methods.md beside the
points.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from npusim.compiler.base import Pass
from npusim.compiler.passes.compensate_errors import CompensateErrors
from npusim.compiler.passes.learn_rounding import LearnRounding
from npusim.compiler.passes.quantize_weights import QuantizeWeights, WeightRounding
from npusim.compiler.recipe import Recipe, load_recipe
from npusim.files.atomic import write_text
from tools.many_recipes import Point, difference, percent, run_points, table
from tools.zoo import NETWORKS

METHODS: dict[str, tuple[WeightRounding, tuple[Pass, ...]]] = {
    "nearest": (WeightRounding.NEAREST, ()),
    "squant": (WeightRounding.SQUANT, ()),
    "compensated": (WeightRounding.NEAREST, (CompensateErrors.model_validate({}),)),
    "learned": (WeightRounding.NEAREST, (LearnRounding.model_validate({}),)),
    "squant_learned": (WeightRounding.SQUANT, (LearnRounding.model_validate({}),)),
}
COLUMNS = (
    "network",
    "weights",
    "rounding",
    "float",
    "integer",
    "difference [95 %]",
    "same as float",
    "SQNR",
    "s",
)


def variant(method: str, bits: int) -> Recipe:
    """`w4_nearest` with another rounding, weights of so many bits."""
    rounding, behind = METHODS[method]
    base = load_recipe("w4_nearest")
    passes: list[Any] = []
    for one in base.passes:
        quantizing = isinstance(one, QuantizeWeights)
        passes.append(one.replace(bits=bits, rounding=rounding) if quantizing else one)
        passes += behind if quantizing else ()
    return base.replace(name=f"{method}_w{bits}", passes=tuple(passes))


def row(point: Point) -> list[str]:
    """One point's cells."""
    method, _, bits = point["recipe"].rpartition("_w")
    cells = [point["network"], f"{bits} bits", method, percent(point, "float"), percent(point, "integer")]
    cells += [difference(point), percent(point, "agreement")]
    return [*cells, f"{point['sqnr']:.1f}", f"{point['compile_seconds']:.0f}"]


def main() -> None:
    """Run what is missing, then write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--network", action="append", choices=list(NETWORKS), required=True)
    parser.add_argument("--bits", action="append", type=int, help="4 and 8, if not given")
    parser.add_argument("--method", action="append", choices=list(METHODS), help="all, if not given")
    parser.add_argument("--images", type=int, help="at most so many test images")
    parser.add_argument("--calibrate", type=int, default=64, help="at most so many calibration images")
    options = parser.parse_args()
    recipes = [variant(m, bits) for bits in options.bits or (4, 8) for m in options.method or METHODS]
    points = run_points(
        options.output, options.network, recipes, images=options.images, calibrate=options.calibrate
    )
    text = table(COLUMNS, [row(point) for point in points])
    write_text(options.output / "rounding_methods.md", text)
    print(text)


if __name__ == "__main__":
    main()
