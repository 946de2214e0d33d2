"""What input scales per channel give: `spiq` beside its twin without that pass, at 8, 6 and 4 bits.

    NPUSIM_ZOO=... python tools/spiq_twins.py -o results [-- further options of accuracy.py]

Writes the recipes into results/recipes (activations of so many bits, both at the range that suits these),
runs accuracy.py on them and prints a table of pairs.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from npusim.compiler.passes.activation_ranges import ActivationRanges
from npusim.compiler.passes.spiq import Spiq
from npusim.compiler.recipe import Recipe, load_recipe
from npusim.files.atomic import write_text
from npusim.files.documents import save_document

SIGMAS = {8: 6.0, 6: 5.0, 4: 3.5}
"""By bits the range: DFQ's at 8; below, about what errs least on a Laplace variable."""
SIDES = ("per_tensor", "spiq")
COLUMNS = ("network", "activations", "float", "per tensor", "spiq", "same as float", "spiq", "SQNR", "spiq")


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


def pairs(rows: list[dict[str, str]]) -> str:
    """Twins side by side, as Markdown."""
    found = {(row["network"], row["recipe"]): row for row in rows}
    lines = ["| " + " | ".join(cells) + " |" for cells in (COLUMNS, ["---"] * len(COLUMNS))]
    for network in dict.fromkeys(row["network"] for row in rows):
        for bits in SIGMAS:
            twins = [found.get((network, f"{side}_a{bits}")) for side in SIDES]
            if None not in twins:
                cells = [_percent(twins[0], "float")]
                cells += [_percent(twin, "integer") for twin in twins]
                cells += [_percent(twin, "agreement") for twin in twins]
                cells += [f"{float(twin['output_sqnr_db']):.1f}" for twin in twins if twin]
                lines.append(f"| {network} | {bits} bits | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _percent(row: dict[str, str] | None, key: str) -> str:
    return f"{100 * float(row[key]):.1f}" if row and row.get(key) else "-"


def main() -> None:
    """Write the recipes, run the table, print the pairs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("rest", nargs="*", help="options of accuracy.py, behind --")
    options = parser.parse_args()
    folder = options.output / "recipes"
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, str(Path(__file__).with_name("accuracy.py")), "-o", str(options.output)]
    for bits in SIGMAS:
        for side in SIDES:
            made = variant(side, bits)
            path = folder / f"{made.name}.yaml"
            save_document(path, made)
            command += ["--recipe", str(path)]
    code = subprocess.run([*command, *options.rest], check=False).returncode
    if code == 0:
        with (options.output / "accuracy.csv").open(newline="") as file:
            text = pairs(list(csv.DictReader(file)))
        write_text(options.output / "pairs.md", text)
        print(text)
    sys.exit(code)


if __name__ == "__main__":
    main()
