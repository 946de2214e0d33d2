"""Every kind of step that has a bench: its vectors pass on the reference RTL."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import Any

import pytest

import npusim
from npusim.datapath import load_datapath
from npusim.program import Program
from npusim.vectors import verify, write_vectors
from npusim.vectors.bench.run import Outcome, run_benches
from npusim.vectors.bench.simulators import Simulator
from tests.compiler.networks import images as small
from tests.compiler.networks import residual
from tests.golden import programs
from tests.rtl.every_step import every_step, images
from tests.rtl.units import require

SUMS = ("average", "mean", "matmul")
"""Steps whose accumulators are compared besides their codes."""


def test_every_kind_of_step(tmp_path: Path) -> None:
    program = every_step()
    write_vectors(program, images(program), tmp_path, images=2)
    results = run_benches(tmp_path, require(Simulator.ICARUS))
    assert {result.step: result.text for result in results if result.outcome is not Outcome.PASSED} == {}
    words = {step.name: 2 * prod(program.tensors[step.output].shape) for step in program.steps}
    assert {result.step: result.compared for result in results} == {
        name: count * (1 + (name in SUMS)) for name, count in words.items()
    }


def test_some_pixels_of_every_kind(tmp_path: Path) -> None:
    program = every_step()
    steps = ["add_repeated", "average", "max", "concat_rows", "bilinear"]
    write_vectors(program, images(program), tmp_path, steps=steps, images=1, sample_pixels=10)
    verify(tmp_path)
    results = run_benches(tmp_path, require(Simulator.ICARUS))
    assert {result.outcome for result in results} == {Outcome.PASSED}
    assert {result.compared for result in results if result.step == "add_repeated"} == {10 * 4}


@pytest.mark.parametrize("name", ["wes_npu_rex", "wes_npu_rex_multipliers"])
def test_passes_over_orders(name: str, tmp_path: Path) -> None:
    """A7: one accumulator, or a multiplier for each order."""
    program = programs.program(load_datapath(name))
    all_pass(program, {"x": programs.inputs(program.datapath)}, tmp_path)


def test_passes_over_digits(tmp_path: Path) -> None:
    """A7: activations wider than the multiplier."""
    program = npusim.compile(residual(), "wes_npu_rex_act16", recipe="rex", calibration=small(8))
    assert {"digit", "accumulate", "rescale"} <= {step.kind for step in program.ordered_steps}
    all_pass(program, small(1), tmp_path)


def all_pass(program: Program, codes: Any, folder: Path) -> None:
    write_vectors(program, codes, folder, sample_pixels=20)
    results = run_benches(folder, require(Simulator.ICARUS))
    found = {result.step: (result.outcome, result.text) for result in results}
    assert found == {step.name: (Outcome.PASSED, "") for step in program.ordered_steps}
