"""Builds a bench with its unit, and runs it on cases: Icarus Verilog, Verilator, cocotb on Icarus."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path

import npusim
from npusim.errors import CheckFailed, InputError
from npusim.vectors.bench.case import CASE_NAME

BUILD_SECONDS = 900
RUN_SECONDS = 3600
TOP = "npusim_bench"
_BENCH = "_bench.sv"
_WIDTH = re.compile(
    r"_dut\.sv:\d+: warning: Port \d+ \((\w+)\) of \w+ expects (\d+) bits, got (\d+)"
    r"|_dut\.sv:\d+:\d+: \w+ port connection '(\w+)' expects (\d+) bits.* generates (\d+) bits"
)
"""What simulators say of a module whose port is as wide as no port of the unit."""

_COCOTB = Path(npusim.__file__).parent / "rtl" / "npusim_cocotb.py"


class Simulator(StrEnum):
    """A simulator of SystemVerilog."""

    ICARUS = "icarus"
    VERILATOR = "verilator"
    COCOTB = "cocotb"

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
        ports = [
            [part for part in found.groups() if part] for found in _WIDTH.finditer(done.stdout + done.stderr)
        ]
        if ports:
            shown = [f"{port} has {own} bits, the unit's has {wanted}" for port, own, wanted in ports]
            raise CheckFailed("\n".join(["ports are not as wide as the unit's:", *shown]))

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
        flags = ["--binary", "--timing", "-Wno-lint", "-Wno-style", "-Wwarn-WIDTH", "-Wno-fatal"]
        flags += ["--x-initial", "unique"]
        flags += ["--top-module", TOP, "--Mdir", str(folder), "-o", "bench", "--build-jobs", "2"]
        return ["verilator", *flags, "-CFLAGS", "-O1", *[str(source) for source in sources]]

    def command(self, folder: Path) -> list[str]:
        return [str(folder / "bench")]


class Cocotb(Icarus):
    """Icarus Verilog, driven from Python: the bench is `npusim.rtl`'s ``npusim_cocotb.py``."""

    def build(self, sources: Sequence[Path], folder: Path) -> None:
        if find_spec("cocotb") is None:
            raise InputError("cocotb is not installed", key="--run", allowed="pip install 'npusim[cocotb]'")
        super().build(sources, folder)

    def _build_command(self, sources: Sequence[Path], folder: Path) -> list[str]:
        names = [str(source) for source in sources if not source.name.endswith(_BENCH)]
        return [sys.executable, str(_COCOTB), "build", str(folder), *names]

    def command(self, folder: Path) -> list[str]:
        return [sys.executable, str(_COCOTB), "run", str(folder)]

    def run(self, folder: Path, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
        plusargs = dict(argument[1:].split("=", 1) for argument in arguments)
        dump = [plusargs["dump"]] if "dump" in plusargs else []
        case = str(Path(plusargs["case_folder"]) / CASE_NAME)
        return run([*self.command(folder), case, *dump], folder, RUN_SECONDS)


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


_RUNNERS: dict[Simulator, Runner] = {
    Simulator.ICARUS: Icarus(),
    Simulator.VERILATOR: Verilator(),
    Simulator.COCOTB: Cocotb(),
}
