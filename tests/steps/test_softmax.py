"""The softmax step against its spec, on LiteRT's datapaths."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npusim.datapath import load_datapath
from npusim.errors import InputError
from npusim.files.array_model import same_values
from npusim.program import load_program
from npusim.simulator import Simulator
from npusim.spec.fixed_point import exponential
from npusim.spec.softmax import softmax
from npusim.steps.softmax import SoftmaxStep
from tests.steps.one_step import one_step, run_step

DATAPATHS = {name: load_datapath(name) for name in ("tflite", "tflite_uint8")}


def step(steepness: int, name: str, above: int = 0) -> SoftmaxStep:
    codes = DATAPATHS[name].activation.interval
    table = np.array([exponential(-distance * steepness) for distance in range(256)])
    fields = {"exponentials": table, "y_zero": codes.low, "low": codes.low + above, "high": codes.high}
    return SoftmaxStep(name="s", inputs=("x",), output="y", fields=fields)


@pytest.mark.parametrize("name", DATAPATHS)
@settings(max_examples=25)
@given(
    shape=st.sampled_from([(1,), (5,), (3, 7), (2, 2, 4)]),
    steepness=st.integers(1, 1 << 22),
    above=st.integers(0, 9),
    seed=st.integers(0, 2**32 - 1),
)
def test_as_the_spec_says(name: str, shape: tuple[int, ...], steepness: int, above: int, seed: int) -> None:
    datapath, made = DATAPATHS[name], step(steepness, name, above)
    codes = datapath.activation.interval
    dtype = datapath.activation.dtype
    x = np.random.default_rng(seed).integers(codes.low, codes.high + 1, (2, *shape)).astype(dtype)
    result = run_step(made, [x], datapath)
    fields = {
        name: value.tolist() if isinstance(value, np.ndarray) else value
        for name, value in made.fields.items()
    }
    stages = made.operand_stages(datapath), made.result_stages(datapath)
    wanted = [softmax(row.tolist(), *stages, fields) for row in x.reshape(-1, shape[-1])]
    np.testing.assert_array_equal(result.outputs["y"].reshape(-1, shape[-1]), wanted)
    np.testing.assert_array_equal(result.taps["s"]["4.clamp"], result.outputs["y"])
    in_one_pass = Simulator(one_step(made, [shape], datapath)).run(x, threads=1)
    np.testing.assert_array_equal(in_one_pass.outputs["y"], result.outputs["y"])


def test_round_trip(tmp_path: Path) -> None:
    program = one_step(step(1 << 20, "tflite"), [(4,)], DATAPATHS["tflite"])
    program.save(tmp_path / "p.yaml")
    assert same_values(load_program(tmp_path / "p.yaml").steps[0].model_dump(), program.steps[0].model_dump())


def test_rows_fill_their_registers_themselves() -> None:
    made = step(1 << 20, "tflite")
    with pytest.raises(InputError, match="fields.reciprocal: is filled by each row itself"):
        one_step(made.replace(fields={**made.fields, "reciprocal": 1}), [(4,)], DATAPATHS["tflite"])


def test_a_datapath_without_softmax() -> None:
    with pytest.raises(InputError, match="no softmax pipeline"):
        one_step(step(1 << 20, "tflite"), [(4,)])
