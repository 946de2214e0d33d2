"""Kernels in a process of their own: another environment, another cache, another tree."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]


def run_python(
    *arguments: str | Path, root: Path = ROOT, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run Python with the package under `root`; variables that steer kernels are those given alone."""
    return subprocess.run(
        [sys.executable, *arguments],
        env=_environment(root, environment),
        cwd=root,  # Python looks here first
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def run_lines(*arguments: str | Path, **environment: str) -> Iterator[str]:
    """The lines that Python says as it says them; fails with its complaints if its exit code is not 0."""
    with subprocess.Popen(
        [sys.executable, *arguments], env=_environment(ROOT, environment), cwd=ROOT,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        for line in process.stdout:
            yield line.rstrip("\n")
        complaints = process.stderr.read()
    assert process.returncode == 0, complaints


def _environment(root: Path, given: Mapping[str, str]) -> dict[str, str]:
    steering = ("NPUSIM_", "NUMBA_")
    own = {name: value for name, value in os.environ.items() if not name.startswith(steering)}
    cache = os.environ.get("NPUSIM_CACHE_DIR")
    if cache is not None:
        own["NPUSIM_CACHE_DIR"] = cache
    return {**own, "PYTHONPATH": str(root), **given}
