"""What each part of data-free quantization adds, without a shift per channel.

    NPUSIM_ZOO=... python tools/dfq_parts.py -o results [-- further options of accuracy.py]

Writes `dfq` without some of its passes into results/recipes and runs accuracy.py on them.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from npusim.compiler.recipe import Recipe, load_recipe
from npusim.files.documents import save_document

PARTS = {
    "dfq_nothing": ("equalize", "absorb_bias", "correct_bias", "empty_constants"),
    "dfq_constants": ("equalize", "absorb_bias", "correct_bias"),
    "dfq_equalize": ("absorb_bias", "correct_bias"),
    "dfq_equalize_absorb": ("correct_bias",),
    "dfq_equalize_correct": ("absorb_bias",),
    "dfq_correct": ("equalize", "absorb_bias"),
    "dfq": (),
}
"""By name, the passes that are left out."""


def without(name: str, kinds: tuple[str, ...]) -> Recipe:
    """`dfq` without some passes; ReLU6 stays whole where nothing is scaled."""
    base = load_recipe("dfq")
    left_out = {*kinds, "open_relu6"} if "equalize" in kinds else set(kinds)
    return base.replace(name=name, passes=tuple(p for p in base.passes if p.kind not in left_out))


def main() -> None:
    """Write the recipes, run the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("rest", nargs="*", help="options of accuracy.py, behind --")
    options = parser.parse_args()
    folder = options.output / "recipes"
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, str(Path(__file__).with_name("accuracy.py")), "-o", str(options.output)]
    command += ["--datapath", "wes_npu_inverse0"]
    for name, kinds in PARTS.items():
        path = folder / f"{name}.yaml"
        save_document(path, without(name, kinds))
        command += ["--recipe", str(path)]
    sys.exit(subprocess.run([*command, *options.rest], check=False).returncode)


if __name__ == "__main__":
    main()
