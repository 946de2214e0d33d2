"""What input scales per channel give: `spiq` beside its twin without that pass, at 8, 6 and 4 bits.

    NPUSIM_ZOO=... python tools/spiq_twins.py -o results [--network N ...] [--images 375]

Three recipes that round activations to so many bits: per tensor with ranges of mean plus and minus some
sigmas, per tensor with ranges that are expected to err least, and the latter with `spiq`. Differences are
spiq's to the second, with paired 95 % intervals. Resumable; writes spiq_twins.md beside the points.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from npusim.compiler.passes.activation_ranges import ActivationRanges, RangeMethod
from npusim.compiler.passes.spiq import Spiq
from npusim.compiler.recipe import Recipe, load_recipe
from npusim.files.atomic import write_text
from npusim.task import TaskKind
from tools.many_recipes import (
    Point,
    accuracy_difference,
    agreement_difference,
    percent,
    run_points,
    table,
)
from tools.zoo import NETWORKS

SIGMAS = {8: 6.0, 6: 5.0, 4: 3.5}
"""By bits the range: DFQ's at 8; below, about what errs least on a Laplace variable."""
SIDES = ("sigmas", "per_tensor", "spiq")
COLUMNS = (
    "network",
    "activations",
    "float",
    *("sigmas", "per tensor", "spiq", "difference [95 %]"),
    *("same as float", "per tensor", "spiq", "difference [95 %]"),
    *("SQNR", "per tensor", "spiq"),
    "folded",
)
WITHOUT_NORMS = ("ad01_autoencoder_toycar",)
"""Networks whose input range only data tell."""


def variant(side: str, bits: int) -> Recipe:
    """`spiq` with activations of so many bits, or a recipe that it is compared with."""
    base = load_recipe("spiq")
    ranges = {"bits": None if bits == 8 else bits}
    if side == "sigmas":
        ranges |= {"method": RangeMethod.DATA_FREE, "sigmas": SIGMAS[bits]}
    passes = tuple(
        one.replace(**ranges) if isinstance(one, ActivationRanges) else one
        for one in base.passes
        if side == "spiq" or not isinstance(one, Spiq)
    )
    return base.replace(name=f"{side}_a{bits}", passes=passes)


def rows(points: list[Point]) -> Iterator[list[str]]:
    """Those that are compared side by side."""
    for start in range(0, len(points), len(SIDES)):
        sides = points[start : start + len(SIDES)]
        _, plain, folded = sides
        cells = [plain["network"], f"{plain['recipe'][-1]} bits", percent(plain, "float")]
        cells += [percent(side, "integer") for side in sides] + [accuracy_difference(plain, folded)]
        cells += [percent(side, "agreement") for side in sides]
        chosen = NETWORKS[plain["network"]].task is TaskKind.CLASSIFICATION
        cells += [agreement_difference(plain, folded) if chosen else "-"]
        cells += [f"{side['sqnr']:.1f}" for side in sides]
        note = next(note for note in folded["notes"] if "input scales per channel" in note)
        yield [*cells, note.partition(" groups")[0]]


def main() -> None:
    """Run what is missing, then write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--network", action="append", choices=list(NETWORKS))
    parser.add_argument("--images", type=int, help="at most so many test images")
    options = parser.parse_args()
    networks = options.network or [name for name in NETWORKS if name not in WITHOUT_NORMS]
    recipes = [variant(side, bits) for bits in SIGMAS for side in SIDES]
    points = run_points(options.output, networks, recipes, images=options.images, calibrate=0)
    text = table(COLUMNS, rows(points))
    write_text(options.output / "spiq_twins.md", text)
    print(text)


if __name__ == "__main__":
    main()
