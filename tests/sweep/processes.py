"""The command line and Dask as processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import npusim

ROOT = Path(npusim.__file__).parent.parent
WITHIN = 120.0
"""Seconds that anything may take."""


def start(*arguments: object, folder: Path, log: str) -> subprocess.Popen[bytes]:
    """``python -m ...`` in a folder, what it prints in a log file there."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    with (folder / log).open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", *map(str, arguments)],
            cwd=folder,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )


def wait_for(condition: Callable[[], object], what: str) -> None:
    """Wait until something holds; fails when it takes too long."""
    end = time.monotonic() + WITHIN
    while not condition():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.005)


def finished(folder: Path) -> dict[str, tuple[int, bytes]]:
    """The finished points of an output folder: when each was written, and what it says."""
    found = {}
    for path in (folder / "points").glob("[!.]*.json"):
        found[path.name] = (path.stat().st_mtime_ns, path.read_bytes())
    return found
