"""The l2_normalization step against its spec, on LiteRT's datapaths."""

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
from npusim.spec.l2_normalization import l2_normalization
from npusim.steps.l2_normalization import L2NormalizationStep
from tests.steps.one_step import one_step, run_step

DATAPATHS = {name: load_datapath(name) for name in ("tflite", "tflite_uint8")}


def step(name: str, x_zero: int) -> L2NormalizationStep:
    codes = DATAPATHS[name].activation.interval
    fields = {"x_zero": x_zero, "y_zero": codes.low + 128, "low": codes.low, "high": codes.high}
    return L2NormalizationStep(name="s", inputs=("x",), output="y", fields=fields)


@pytest.mark.parametrize("name", DATAPATHS)
@settings(max_examples=25)
@given(
    shape=st.sampled_from([(1,), (5,), (3, 7), (2, 2, 4), (2, 300)]),
    zero=st.integers(0, 255),
    spread=st.sampled_from([1, 2, 256]),
    seed=st.integers(0, 2**32 - 1),
)
def test_as_the_spec_says(name: str, shape: tuple[int, ...], zero: int, spread: int, seed: int) -> None:
    datapath = DATAPATHS[name]
    codes = datapath.activation.interval
    made = step(name, codes.low + zero)
    x = np.random.default_rng(seed).integers(codes.low, codes.low + spread, (2, *shape))
    result = run_step(made, [x.astype(datapath.activation.dtype)], datapath)
    stages = made.operand_stages(datapath), made.result_stages(datapath)
    wanted = [l2_normalization(row.tolist(), *stages, made.fields) for row in x.reshape(-1, shape[-1])]
    np.testing.assert_array_equal(result.outputs["y"].reshape(-1, shape[-1]), wanted)


def test_round_trip(tmp_path: Path) -> None:
    program = one_step(step("tflite", 3), [(4,)], DATAPATHS["tflite"])
    program.save(tmp_path / "p.yaml")
    assert same_values(load_program(tmp_path / "p.yaml").steps[0].model_dump(), program.steps[0].model_dump())


def test_rows_that_are_too_long() -> None:
    assert one_step(step("tflite", 0), [(33025,)], DATAPATHS["tflite"])
    with pytest.raises(InputError, match="sums of squares can leave 32 bits; found 33026"):
        one_step(step("tflite", 0), [(33026,)], DATAPATHS["tflite"])
