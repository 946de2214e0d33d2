"""A copy of the sources that a test may change."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PARTS = ("npusim", "kernels", "configs", "golden/rtl")
FILES = ("pyproject.toml", "README.md", "LICENSE")


@pytest.fixture
def copied_tree(tmp_path: Path) -> Path:
    """Everything the package is made of, its links included."""
    target = tmp_path / "clone"
    for part in PARTS:
        shutil.copytree(
            ROOT / part, target / part, symlinks=True, ignore=shutil.ignore_patterns("__pycache__")
        )
    for name in FILES:
        shutil.copy(ROOT / name, target)
    return target
