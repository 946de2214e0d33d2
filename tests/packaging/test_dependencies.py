"""What the package imports is what pyproject.toml declares."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
MODULES = {"pillow": "PIL", "pyyaml": "yaml"}
"""Distributions whose module has another name."""

COMES_WITH = {"llvmlite": "numba", "pydantic_core": "pydantic"}
"""Modules that a declared distribution brings along, in the version it wants."""


def declared(requirements: list[str]) -> set[str]:
    names = {re.match(r"[\w-]+", requirement).group().lower() for requirement in requirements}  # type: ignore[union-attr]
    return {MODULES.get(name, name.replace("-", "_")) for name in names}


def imported(folder: Path) -> dict[str, set[str]]:
    """Third-party modules, and the files that import them."""
    found: dict[str, set[str]] = {}
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module is not None:
                names = [node.module]
            for name in {name.partition(".")[0] for name in names}:
                if name not in sys.stdlib_module_names and name != "npusim":
                    found.setdefault(name, set()).add(path.relative_to(ROOT).as_posix())
    return found


OPTIONAL: dict[str, str | tuple[str, ...]] = {
    "onnx": "npusim/importers/",
    "tflite": "npusim/importers/",
    "tuning": ("npusim/compiler/passes/fine_tune_bias.py", "npusim/compiler/straight_through.py"),
    "dask": "npusim/sweep/cluster.py",
    "images": "npusim/evaluation/folder.py",
    "plots": "npusim/sweep/plots.py",
}
"""Extras, and where alone the modules they bring may be imported."""


def brought(extra: str) -> set[str]:
    """The modules that an extra brings."""
    return declared(PROJECT["optional-dependencies"][extra])


def test_every_import_is_declared_and_every_declaration_imported() -> None:
    core = declared(PROJECT["dependencies"])
    used = imported(ROOT / "npusim") | imported(ROOT / "kernels")
    assert set(used) - COMES_WITH.keys() == core.union(*map(brought, OPTIONAL))


@pytest.mark.parametrize("extra", OPTIONAL)
def test_optional_modules_stay_in_their_place(extra: str) -> None:
    for name in brought(extra):
        outside = {path for path in imported(ROOT / "npusim")[name] if not path.startswith(OPTIONAL[extra])}
        assert outside == set(), name
