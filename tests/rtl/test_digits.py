"""The bundled network's steps on the reference RTL; a table step beside them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import npusim
from npusim.files.data import open_data
from npusim.program import Program
from npusim.steps.table import TableStep
from npusim.vectors import write_vectors
from npusim.vectors.bench.run import Outcome, run_benches
from npusim.vectors.bench.simulators import Simulator
from tests.rtl.units import require
from tests.vectors.programs import WES, codes, int8

NETWORKS = Path(npusim.__file__).parent / "configs" / "networks"


def images(name: str, count: int) -> np.ndarray:
    with open_data(NETWORKS / name) as file:
        found: np.ndarray = file.read(0, count)
    return found


def test_every_mac_and_add_step_of_digits(tmp_path: Path) -> None:
    network = npusim.load_network(NETWORKS / "digits.yaml")
    calibration = images("digits_calibration.h5", 64)
    program = npusim.compile(network, WES, recipe="wes", calibration=calibration)
    write_vectors(program, images("digits_test.h5", 1), tmp_path, sample_pixels=9)
    results = run_benches(tmp_path, require(Simulator.ICARUS))
    outcomes = {result.step: result.outcome for result in results}
    covered = [step.name for step in program.ordered_steps if step.kind in {"mac", "add"}]
    assert len(covered) > 5
    assert {outcomes.pop(name) for name in covered} == {Outcome.PASSED}
    assert set(outcomes.values()) == {Outcome.NOT_COVERED}


def test_a_table_step(tmp_path: Path) -> None:
    table = np.random.default_rng(1).integers(-128, 128, 256)
    step = TableStep(name="lookup", inputs=("x",), output="y", fields={"table": table})
    shape = int8(5, 4, 3)
    program = Program(
        name="p", inputs=("x",), outputs=("y",), tensors={"x": shape, "y": shape}, steps=(step,), datapath=WES
    )
    write_vectors(program, codes(2, program), tmp_path, images=2)
    (result,) = run_benches(tmp_path, require(Simulator.ICARUS))
    assert (result.outcome, result.compared, result.text) == (Outcome.PASSED, 120, "")
