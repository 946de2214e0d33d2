"""Builds a bench with its unit, and runs it on cases: Icarus Verilog and Verilator."""

from __future__ import annotations

import shutil
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

from npusim.errors import CheckFailed, InputError

BUILD_SECONDS = 900
RUN_SECONDS = 3600
TOP = "npusim_bench"


class Simulator(StrEnum):
    """A simulator of SystemVerilog."""

    ICARUS = "icarus"
    VERILATOR = "verilator"

    @property
    def runner(self) -> Runner:
        """What builds and runs with it."""
        return _RUNNERS[self]


class Runner(ABC):
    """Builds and runs with one simulator."""

    program: str

    @abstractmethod
    def _build_command(self, sources: Sequence[Path], folder: Path) -> list[str]:
        """What makes the executable from sources."""

    @abstractmethod
    def command(self, folder: Path) -> list[str]:
        """What runs the built bench, up to its plusargs."""

    def build(self, sources: Sequence[Path], folder: Path) -> None:
        """Build the module ``npusim_bench`` in a folder.

        Raises
        ------
        InputError
            If the simulator is not installed.
        CheckFailed
            With what it says, if it refuses the sources.
        """
        if shutil.which(self.program) is None:
            raise InputError(f"{self.program} is not installed", key="--run")
        done = run(self._build_command(sources, folder), folder, BUILD_SECONDS)
        if done.returncode != 0:
            raise CheckFailed(f"{self.program} does not build the bench:\n{done.stdout}{done.stderr}")

    def run(self, folder: Path, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
        """Run the built bench."""
        return run([*self.command(folder), *arguments], folder, RUN_SECONDS)


class Icarus(Runner):
    """Icarus Verilog."""

    program = "iverilog"

    def _build_command(self, sources: Sequence[Path], folder: Path) -> list[str]:
        names = [str(source) for source in sources]
        return ["iverilog", "-g2012", "-s", TOP, "-o", str(folder / "bench.vvp"), *names]

    def command(self, folder: Path) -> list[str]:
        return ["vvp", "-n", str(folder / "bench.vvp")]


class Verilator(Runner):
    """Verilator: slower to build, far faster to run."""

    program = "verilator"

    def _build_command(self, sources: Sequence[Path], folder: Path) -> list[str]:
        flags = ["--binary", "--timing", "-Wno-lint", "-Wno-style", "-Wno-fatal", "--x-initial", "unique"]
        flags += ["--top-module", TOP, "--Mdir", str(folder), "-o", "bench", "--build-jobs", "2"]
        return ["verilator", *flags, "-CFLAGS", "-O1", *[str(source) for source in sources]]

    def command(self, folder: Path) -> list[str]:
        return [str(folder / "bench")]


def run(command: Sequence[str], folder: Path, seconds: int) -> subprocess.CompletedProcess[str]:
    """Run a program in a folder.

    Raises
    ------
    CheckFailed
        If it does not end in time.
    """
    try:
        return subprocess.run(
            list(command), cwd=folder, capture_output=True, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        raise CheckFailed(f"{command[0]} did not end within {seconds} s") from None


_RUNNERS: dict[Simulator, Runner] = {Simulator.ICARUS: Icarus(), Simulator.VERILATOR: Verilator()}
