"""The argmax step in one pass and by the general way, against the first greatest code of each row."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npusim.datapath import load_datapath
from npusim.simulator import Simulator
from npusim.steps.argmax import ArgmaxStep
from tests.steps.one_step import one_step, run_step

DATAPATHS = {name: load_datapath(name) for name in ("tflite", "tflite_uint8", "tflite_int16")}


@pytest.mark.parametrize("name", DATAPATHS)
@settings(max_examples=20)
@given(
    shape=st.sampled_from([(1,), (7,), (3, 5), (40, 33), (5, 2, 16)]),
    few=st.booleans(),
    axis=st.sampled_from([-1, 0]),
    seed=st.integers(0, 2**32 - 1),
)
def test_the_first_of_the_greatest(
    name: str, shape: tuple[int, ...], few: bool, axis: int, seed: int
) -> None:
    datapath = DATAPATHS[name]
    codes = datapath.activation.interval
    high = codes.low + 3 if few else codes.high + 1  # few codes: several are the greatest
    x = np.random.default_rng(seed).integers(codes.low, high, (2, *shape)).astype(datapath.activation.dtype)
    step = ArgmaxStep(name="a", inputs=("x",), output="y", axis=axis)
    last = np.moveaxis(x, axis if axis < 0 else axis + 1, -1)
    wanted = [row.index(max(row)) for row in last.reshape(-1, last.shape[-1]).tolist()]
    tapped = run_step(step, [x], datapath).outputs["y"]
    direct = Simulator(one_step(step, [shape], datapath)).run(x, threads=1).outputs["y"]
    assert tapped.reshape(-1).tolist() == wanted
    assert direct.reshape(-1).tolist() == wanted
