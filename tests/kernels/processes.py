"""Kernels in a process of their own: another environment, another cache, another tree."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def run_python(
    *arguments: str | Path, root: Path = ROOT, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run Python with the package under `root`; variables that steer kernels are those given alone."""
    steering = ("NPUSIM_", "NUMBA_")
    own = {name: value for name, value in os.environ.items() if not name.startswith(steering)}
    cache = os.environ.get("NPUSIM_CACHE_DIR")
    if cache is not None:
        own["NPUSIM_CACHE_DIR"] = cache
    return subprocess.run(
        [sys.executable, *arguments],
        env={**own, "PYTHONPATH": str(root), **environment},
        cwd=root,  # Python looks here first
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
