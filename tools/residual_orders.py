"""What residual orders of 4-bit weights give, and what budgets of bit-operations buy.

    NPUSIM_ZOO=... python tools/residual_orders.py -o results [--budgets] [-- further options of accuracy.py]

Writes the recipes (`rex_ibc` with other numbers of orders, or with budgets for the second) into
results/recipes and runs accuracy.py on them and on `wes_ibc`, its 8-bit like.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from npusim.compiler.passes.residual_expansion import ResidualExpansion
from npusim.compiler.recipe import Recipe, load_recipe
from npusim.files.documents import save_document

ORDERS = {f"rex_order_{orders}": {"orders": orders} for orders in (1, 2, 3)}
BUDGETS = {f"rex_budget_{percent}": {"budget": percent / 100} for percent in (0, 25, 50, 75, 100)}


def variant(name: str, settings: dict[str, Any]) -> Recipe:
    """`rex_ibc` with other settings of its residual orders."""
    base = load_recipe("rex_ibc")
    passes = tuple(p.replace(**settings) if isinstance(p, ResidualExpansion) else p for p in base.passes)
    return base.replace(name=name, passes=passes)


def main() -> None:
    """Write the recipes, run the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--budgets", action="store_true", help="budgets for the second order, not orders")
    parser.add_argument("rest", nargs="*", help="options of accuracy.py, behind --")
    options = parser.parse_args()
    folder = options.output / "recipes"
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, str(Path(__file__).with_name("accuracy.py")), "-o", str(options.output)]
    command += ["--datapath", "wes_npu_rex", "--recipe", "wes_ibc"]
    for name, settings in (BUDGETS if options.budgets else ORDERS).items():
        path = folder / f"{name}.yaml"
        save_document(path, variant(name, settings))
        command += ["--recipe", str(path)]
    sys.exit(subprocess.run([*command, *options.rest], check=False).returncode)


if __name__ == "__main__":
    main()
