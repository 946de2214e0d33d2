"""The bundled network's steps on the reference RTL."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import npusim
from npusim.files.data import open_data
from npusim.vectors import write_vectors
from npusim.vectors.bench.run import Outcome, run_benches
from npusim.vectors.bench.simulators import Simulator
from tests.rtl.units import require
from tests.vectors.programs import WES

NETWORKS = Path(npusim.__file__).parent / "configs" / "networks"


def images(name: str, count: int) -> np.ndarray:
    with open_data(NETWORKS / name) as file:
        found: np.ndarray = file.read(0, count)
    return found


def test_every_step_of_digits(tmp_path: Path) -> None:
    network = npusim.load_network(NETWORKS / "digits.yaml")
    calibration = images("digits_calibration.h5", 64)
    program = npusim.compile(network, WES, recipe="wes", calibration=calibration)
    write_vectors(program, images("digits_test.h5", 1), tmp_path, sample_pixels=9)
    results = run_benches(tmp_path, require(Simulator.ICARUS))
    assert [result.step for result in results] == [step.name for step in program.ordered_steps]
    assert {result.outcome for result in results} == {Outcome.PASSED}
