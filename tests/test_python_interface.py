"""The Python interface of DESIGN.md, used as it is written there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import npusim
from tests.compiler.networks import images, residual
from tests.simulator.programs import dense


def test_load_compile_simulate_save(tmp_path: Path) -> None:
    residual().save(tmp_path / "net.yaml")
    network = npusim.load_network(tmp_path / "net.yaml")
    datapath = npusim.load_datapath("wes_npu")
    program = npusim.compile(network, datapath, recipe="wes", calibration=images())
    result = npusim.simulate(program, images(3), taps=["conv"], statistics=True, threads=2)
    assert result.outputs["head"].shape == (3, 5)
    assert result.outputs["head"].dtype == np.int8
    assert result.taps["conv"].keys() == {"accumulator", "output"}
    assert result.statistics is not None
    assert result.statistics["conv"].images == 3
    np.testing.assert_allclose(
        result.dequantized["head"],
        (result.outputs["head"].astype(float) - program.outputs[0].zero_point) * program.outputs[0].scale,
    )
    program.save(tmp_path / "prog.yaml")
    again = npusim.load_program(tmp_path / "prog.yaml")
    assert again == program
    np.testing.assert_array_equal(npusim.simulate(again, images(3)).outputs["head"], result.outputs["head"])


def test_inputs_and_outputs_are_described() -> None:
    program = npusim.compile(residual(), "wes_npu", calibration=images())
    (x,) = program.inputs
    assert (x.name, x.shape, x.dtype) == ("x", (6, 6, 3), np.int8)
    assert x.scale == program.real.tensors["x"].scale
    (bare,) = dense([[1]], [0]).outputs
    assert (bare.name, bare.scale, bare.zero_point) == ("y", None, None)


def test_a_program_built_by_hand_is_one_operation_tried_alone() -> None:
    program = dense([[2, -1]], [5])
    made = npusim.simulate(program, np.array([[3, 4], [100, -100]], np.int8))
    assert made.outputs["y"].tolist() == [[7], [127]]


def test_bytes_floats_and_codes_are_the_same_inputs() -> None:
    program = npusim.compile(residual(), "wes_npu", calibration=images())
    raw = images(2)
    table = program.real.byte_tables["x"]
    codes = table[np.arange(3), raw].astype(np.int8)
    real = program.real.tensors["x"].dequantize(codes)
    made = [npusim.simulate(program, x).outputs["head"] for x in (raw, codes, codes.astype(np.int64), real)]
    for other in made[1:]:
        np.testing.assert_array_equal(made[0], other)


@pytest.mark.parametrize("name", npusim.__all__)
def test_every_name_is_there(name: str) -> None:
    assert getattr(npusim, name) is not None
    assert name in dir(npusim)


def test_another_name_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="no attribute 'simulator_'"):
        _ = npusim.simulator_


def test_errors_are_of_one_family() -> None:
    assert issubclass(npusim.InputError, npusim.NpusimError)
    assert issubclass(npusim.CheckFailed, npusim.NpusimError)
    assert (npusim.InputError.exit_code, npusim.CheckFailed.exit_code) == (2, 1)
