"""Units of small and large datapaths with vectors, built and run in a simulator."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from npusim.datapath import Datapath, load_datapath
from npusim.datapath.load import change_datapath
from npusim.vectors.bench import stimulus
from npusim.vectors.bench.case import Case
from npusim.vectors.bench.emit import emit
from npusim.vectors.bench.run import StepResult, run_build
from npusim.vectors.bench.simulators import Simulator
from npusim.vectors.bench.unit import Unit, UnitKind
from npusim.vectors.bench.unit_case import write_columns, write_words
from tests.tools import require_package, require_tool

PROGRAMS = {Simulator.ICARUS: "iverilog", Simulator.VERILATOR: "verilator", Simulator.COCOTB: "iverilog"}


def require(simulator: Simulator) -> Simulator:
    require_tool(PROGRAMS[simulator])
    if simulator is Simulator.COCOTB:
        require_package("cocotb")
    return simulator


def changed(changes: dict[str, Any]) -> Datapath:
    return change_datapath(load_datapath("wes_npu"), changes, "changed")


def rescale_case(datapath: Datapath, folder: Path, count: int = 600, *, pipelined: bool = False) -> Case:
    """Some of the solved vectors of the mac pipeline."""
    unit = Unit(UnitKind.PIPELINE, "mac", datapath, pipelined=pipelined)
    vectors = stimulus.rescale_vectors(unit)
    chosen = random.Random(0).sample(vectors, min(count, len(vectors)))
    return write_words("rescale", unit, chosen, folder / "rescale")


def column_case(datapath: Datapath, folder: Path, beats: int = 3, count: int = 151) -> Case:
    unit = Unit(UnitKind.MAC, "mac", datapath, columns=4)
    vectors = stimulus.column_vectors(unit, beats, count)
    return write_columns("columns", unit, random.Random(0).sample(vectors, count), folder / "columns")


def run_cases(cases: Sequence[Case], simulator: Simulator, folder: Path) -> list[StepResult]:
    (build,) = emit(folder, cases)
    return run_build(build, simulator, lambda _: None)
