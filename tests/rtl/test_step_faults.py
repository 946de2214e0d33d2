"""Vectors of steps kill every fault of the units that only steps have."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import npusim
from npusim.datapath import load_datapath
from npusim.program import Program
from npusim.vectors import write_vectors
from npusim.vectors.bench.case import Case
from npusim.vectors.bench.emit import RTL
from npusim.vectors.bench.faults import read_faults
from npusim.vectors.bench.mutants import Fate, fates
from npusim.vectors.bench.simulators import Simulator
from npusim.vectors.bench.steps import cases
from npusim.vectors.bench.unit import Unit
from tests.compiler.networks import images as small
from tests.compiler.networks import residual
from tests.golden import programs
from tests.rtl.every_step import every_step, images
from tests.rtl.units import require

FAULTS = read_faults(RTL / "step_faults.yaml")
UNITS = {
    "max_pool": "npusim_pool.sv",
    "average_pool": "npusim_pool.sv",
    "resize": "npusim_blend.sv",
    "concat": "npusim_bypass.sv",
    "minimum": "npusim_bypass.sv",
    "copy": "npusim_walk.sv",
    "maximum": "npusim_add.sv",
    "resume": "npusim_resume.sv",
    "expansion": "npusim_orders.sv",
    "digit": "npusim_digit.sv",
}
"""By unit, the file whose faults it meets."""


def sets(folder: Path) -> Iterator[Path]:
    """Vector sets that hold every unit."""

    def written(name: str, program: Program, codes: Any, count: int) -> Path:
        write_vectors(program, codes, folder / name, images=count)
        return folder / name

    program = every_step()
    yield written("steps", program, images(program), 1)
    for name in ("wes_npu_rex", "wes_npu_rex_multipliers"):
        program = programs.program(load_datapath(name))
        yield written(name, program, {"x": programs.inputs(program.datapath)}, 1)
    wide = npusim.compile(residual(), "wes_npu_rex_act16", recipe="rex", calibration=small(8))
    yield written("digits", wide, small(1), 1)


@pytest.fixture(scope="module")
def by_unit(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[Unit, Path], list[Case]]:
    found: dict[tuple[Unit, Path], list[Case]] = {}
    for folder in sets(tmp_path_factory.mktemp("sets")):
        for case in cases(folder, npusim.vectors.read_manifest(folder / "manifest.json")):
            if isinstance(case, Case) and case.unit.name in UNITS:
                found.setdefault((case.unit, folder), []).append(case)
    return found


def test_every_fault_is_killed(by_unit: dict[tuple[Unit, Path], list[Case]]) -> None:
    simulator = require(Simulator.ICARUS)
    assert len(FAULTS) >= 45
    left = {fault.name for fault in FAULTS}
    for (unit, folder), mine in by_unit.items():
        for case in mine:
            wanted = [f for f in FAULTS if f.name in left and f.file in {UNITS[unit.name], "npusim_add.sv"}]
            found = fates([case], wanted, simulator, folder)[case.name] if wanted else {}
            left -= {name for name, fate in found.items() if fate is Fate.KILLED}
    assert left == set()
