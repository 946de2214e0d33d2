"""Running tools on a tree as a developer would."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

LINT = "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())"

Done = subprocess.CompletedProcess[str]


def need(module: str) -> None:
    """Skip without a tool of the extra `dev`; in continuous integration it may not be missing."""
    if os.environ.get("CI", "").lower() != "true":
        pytest.importorskip(module, reason="part of the extra dev")


def python(folder: Path, *arguments: str) -> Done:
    """Run Python in a tree, on that tree's package."""
    environment = {**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "200"}
    environment.pop("PYTEST_ADDOPTS", None)
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def lint_imports(folder: Path) -> Done:
    """Check the walls of a tree."""
    need("importlinter")
    return python(folder, "-c", LINT, "--no-cache")
