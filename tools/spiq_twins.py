"""What input scales per channel give: `spiq` beside its twin without that pass, at 8, 6 and 4 bits.

    NPUSIM_ZOO=... python tools/spiq_twins.py -o results [--network N ...] [--images 375]

Both recipes round activations to so many bits and take the range that suits these. Resumable; writes
spiq_twins.md beside the points.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from npusim.compiler.passes.activation_ranges import ActivationRanges
from npusim.compiler.passes.spiq import Spiq
from npusim.compiler.recipe import Recipe, load_recipe
from npusim.files.atomic import write_text
from tools.many_recipes import Point, percent, run_points, table
from tools.zoo import NETWORKS

SIGMAS = {8: 6.0, 6: 5.0, 4: 3.5}
"""By bits the range: DFQ's at 8; below, about what errs least on a Laplace variable."""
SIDES = ("per_tensor", "spiq")
COLUMNS = (
    "network",
    "activations",
    "float",
    "per tensor",
    "spiq",
    "same as float",
    "spiq",
    "SQNR",
    "spiq",
    "folded",
)
WITHOUT_NORMS = ("ad01_autoencoder_toycar",)
"""Networks whose input range only data tell."""


def variant(side: str, bits: int) -> Recipe:
    """`spiq`, or the same without the pass, with activations of so many bits."""
    base = load_recipe("spiq")
    passes = []
    for one in base.passes:
        if isinstance(one, ActivationRanges):
            passes.append(one.replace(bits=None if bits == 8 else bits, sigmas=SIGMAS[bits]))
        elif not isinstance(one, Spiq):
            passes.append(one)
        elif side == "spiq":
            passes.append(one.replace(sigmas=SIGMAS[bits]))
    return base.replace(name=f"{side}_a{bits}", passes=tuple(passes))


def rows(points: list[Point]) -> Iterator[list[str]]:
    """Twins side by side."""
    for twins in (points[index : index + 2] for index in range(0, len(points), 2)):
        cells = [twins[0]["network"], f"{twins[0]['recipe'][-1]} bits", percent(twins[0], "float")]
        cells += [percent(twin, "integer") for twin in twins]
        cells += [percent(twin, "agreement") for twin in twins]
        cells += [f"{twin['sqnr']:.1f}" for twin in twins]
        note = next(note for note in twins[1]["notes"] if "input scales per channel" in note)
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
