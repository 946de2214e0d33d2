"""The average_pool_float32 step against its spec."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npusim.datapath import load_datapath
from npusim.errors import InputError
from npusim.files.array_model import same_values
from npusim.program import load_program
from npusim.spec.average_float32 import average
from npusim.spec.width import Width
from npusim.steps.average_pool_float32 import AveragePoolFloat32Step
from npusim.steps.pool_windows import window_counts
from tests.steps.one_step import one_step, run_step

UINT8, INT8 = load_datapath("onnxruntime"), load_datapath("onnxruntime_int8")


def bits(value: float) -> int:
    return int(np.array(value, np.float32).view(np.uint32))


def step(**changed: Any) -> AveragePoolFloat32Step:
    fields: dict[str, Any] = {
        "kernel": (2, 2),
        "x_scale": bits(0.1),
        "x_zero": 3,
        "y_scale": bits(0.07),
        "y_zero": 9,
        **changed,
    }
    return AveragePoolFloat32Step(name="s", inputs=("x",), output="y", **fields)


pad = st.integers(0, 1)
scale = st.floats(2**-10, 1, width=32).map(bits)


@settings(max_examples=40, deadline=None)
@given(
    kernel=st.tuples(st.integers(2, 4), st.integers(2, 3)),
    stride=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    pads=st.tuples(st.tuples(pad, pad), st.tuples(pad, pad)),
    counted=st.booleans(),
    scales=st.tuples(scale, scale),
    zeros=st.tuples(st.integers(-128, 127), st.integers(-128, 127)),
    lift=st.sampled_from([0, 128]),
    seed=st.integers(0, 99),
)
def test_as_the_spec_says(
    kernel: tuple[int, int],
    stride: tuple[int, int],
    pads: tuple[tuple[int, int], tuple[int, int]],
    counted: bool,
    scales: tuple[int, int],
    zeros: tuple[int, int],
    lift: int,
    seed: int,
) -> None:
    made = step(
        kernel=kernel,
        stride=stride,
        padding=pads,
        count_padding=counted,
        x_scale=scales[0],
        x_zero=zeros[0],
        y_scale=scales[1],
        y_zero=zeros[1] + lift,
        lift=lift,
    )
    x = np.random.default_rng(seed).integers(-128, 128, (1, 5, 6, 2)).astype(np.int8)
    found = run_step(made, [x], INT8).outputs["y"][0]
    counts = window_counts((5, 6), kernel, stride, pads, counted)
    for row, column, channel in np.ndindex(*found.shape):
        codes = [
            int(x[0, y, z, channel])
            for y in range(row * stride[0] - pads[0][0], row * stride[0] - pads[0][0] + kernel[0])
            for z in range(column * stride[1] - pads[1][0], column * stride[1] - pads[1][0] + kernel[1])
            if 0 <= y < 5 and 0 <= z < 6
        ]
        count = int(counts[row, column])
        wanted = average(codes, count, scales, (zeros[0], zeros[1] + lift), Width(8), lift)
        assert found[row, column, channel] == wanted


def test_round_trip(tmp_path: Path) -> None:
    program = one_step(step(), [(3, 4, 2)], UINT8)
    program.save(tmp_path / "p.yaml")
    assert same_values(load_program(tmp_path / "p.yaml").steps[0].model_dump(), program.steps[0].model_dump())


@pytest.mark.parametrize(
    ("changed", "key"),
    [
        ({"x_zero": 256}, "x_zero"),
        ({"y_zero": -1}, "y_zero"),
        ({"y_zero": 0, "lift": 128}, "y_zero"),
        ({"padding": ((2, 0), (0, 0))}, "padding"),
    ],
)
def test_what_does_not_fit(changed: dict[str, Any], key: str) -> None:
    with pytest.raises(InputError) as caught:
        one_step(step(**changed), [(3, 3, 1)], UINT8)
    assert caught.value.key == f"steps[0].{key}"
