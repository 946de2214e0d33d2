"""What is prepared once: for one program, on its own datapath, as long as it lives."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

import npusim
from npusim.datapath import load_datapath
from npusim.prepared import prepared
from npusim.program import Program
from npusim.simulator import Simulator, simulate
from npusim.steps.mac import MacOperation, MacStep
from npusim.steps.recode import RecodeStep
from tests.steps.one_step import WES, one_step


def identity(bias: int) -> Program:
    """Codes plus a bias."""
    fields = {"multiplier": 1 << 15, "shift": 15, "inverse_shift": 0, "y_zero": 0, "low": -128, "high": 127}
    weights = np.ones((1, 1, 1, 1), np.int8)
    step = MacStep(
        name="mac", inputs=("x",), output="y", operation=MacOperation.CONV2D, weights=weights,
        bias=np.array([bias]), fields={"x_zero": 0, **fields},
    )  # fmt: skip
    return one_step(step, [(2, 2, 1)], WES)


X = np.arange(-4, 4, dtype=np.int8).reshape(2, 2, 2, 1)


def test_simulators_of_one_program_share_it() -> None:
    program = identity(3)
    assert Simulator(program)._prepared is Simulator(program)._prepared
    for _ in range(2):
        np.testing.assert_array_equal(simulate(program, X).outputs["y"], X + 3)


def test_a_changed_program_is_another_one() -> None:
    program = identity(3)
    simulate(program, X)
    (step,) = program.steps
    other = program.replace(steps=(step.replace(bias=np.array([-5])),))
    np.testing.assert_array_equal(simulate(other, X).outputs["y"], X - 5)
    np.testing.assert_array_equal(simulate(program, X).outputs["y"], X + 3)


def test_it_goes_with_its_program() -> None:
    program = identity(1)
    result = simulate(program, X, statistics=True)
    found = weakref.ref(prepared(program, program.datapath))
    assert found() is not None
    del program, result
    gc.collect()
    assert found() is None


def test_another_datapath_is_prepared_apart() -> None:
    program = identity(0)
    own, other = Simulator(program), Simulator(program, load_datapath("wes_npu_floor"))
    assert own._prepared is not other._prepared
    assert own.run(X).outputs["y"].tolist() == X.tolist()


def test_arrays_of_a_program_cannot_be_changed_behind_its_back() -> None:
    given = np.arange(256).reshape(1, 256) - 128
    step = RecodeStep(name="r", inputs=("x",), output="y", bits=8, signed=True, table=given)
    program = one_step(step, [(4,)], WES)
    x = np.array([[-128, -1, 0, 127]], np.int8)
    np.testing.assert_array_equal(npusim.simulate(program, x).outputs["y"], x)
    given[...] = 0
    np.testing.assert_array_equal(npusim.simulate(program, x).outputs["y"], x)
    with pytest.raises(ValueError, match="read-only"):
        program.steps[0].table[0, 0] = 5  # type: ignore[union-attr]
