"""Outside programs that tests run."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import pytest


def require_tool(name: str) -> str:
    """The path of a program; without it the test is skipped, but fails where CI=true."""
    found = shutil.which(name)
    if found is not None:
        return found
    if os.environ.get("CI") == "true":
        pytest.fail(f"{name} is not installed; CI must have it")
    pytest.skip(f"{name} is not installed")


def require_package(name: str) -> None:
    """Skip the test without a Python package, but fail where CI=true."""
    if find_spec(name) is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{name} is not installed; CI must have it")
        pytest.skip(f"{name} is not installed")


def run_tool(command: Sequence[str | Path], folder: Path) -> str:
    """Run a program in a folder, fail on its errors and warnings, return its standard output."""
    done = subprocess.run(
        [str(part) for part in command], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    return done.stdout
