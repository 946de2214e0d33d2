"""The resize_float32 step against its spec."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npusim.datapath import load_datapath
from npusim.errors import InputError
from npusim.files.array_model import same_values
from npusim.importers.tflite.converters.resizing import float_places
from npusim.program import load_program
from npusim.simulator import Simulator
from npusim.spec.resize_float32 import blend
from npusim.steps.resize_float32 import ResizeFloat32Step
from tests.steps.one_step import one_step, run_step

UINT8 = load_datapath("tflite_uint8")


def step(old: tuple[int, int], new: tuple[int, int], corners: bool, centers: bool) -> ResizeFloat32Step:
    rows, columns = (float_places(a, b, corners, centers) for a, b in zip(old, new, strict=True))
    return ResizeFloat32Step(
        name="s",
        inputs=("x",),
        output="y",
        first_rows=rows[0],
        second_rows=rows[1],
        row_weights=rows[2],
        first_columns=columns[0],
        second_columns=columns[1],
        column_weights=columns[2],
    )


sizes = st.tuples(st.integers(1, 6), st.integers(1, 6))


@settings(max_examples=40, deadline=None)
@given(
    old=sizes,
    new=sizes,
    mode=st.sampled_from([(False, False), (True, False), (False, True)]),
    seed=st.integers(0, 99),
)
def test_as_the_spec_says(
    old: tuple[int, int], new: tuple[int, int], mode: tuple[bool, bool], seed: int
) -> None:
    made = step(old, new, *mode)
    x = np.random.default_rng(seed).integers(0, 256, (1, *old, 2)).astype(np.uint8)
    found = run_step(made, [x], UINT8).outputs["y"][0]
    in_one_pass = Simulator(one_step(made, [(*old, 2)], UINT8)).run(x, threads=1).outputs["y"][0]
    np.testing.assert_array_equal(in_one_pass, found)
    for row, (top, bottom, down) in enumerate(
        zip(made.first_rows.tolist(), made.second_rows.tolist(), made.row_weights.tolist(), strict=True)
    ):
        for column, (left, right, after) in enumerate(
            zip(
                made.first_columns.tolist(),
                made.second_columns.tolist(),
                made.column_weights.tolist(),
                strict=True,
            )
        ):
            for channel in range(2):
                corners = [int(x[0, r, c, channel]) for c in (left, right) for r in (top, bottom)]
                assert found[row, column, channel] == blend(corners, down, after)


def test_round_trip(tmp_path: Path) -> None:
    program = one_step(step((3, 4), (5, 5), False, True), [(3, 4, 2)], UINT8)
    program.save(tmp_path / "p.yaml")
    assert same_values(load_program(tmp_path / "p.yaml").steps[0].model_dump(), program.steps[0].model_dump())


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"first_rows": np.array([0, 3])}, "first_rows"),
        ({"second_columns": np.array([-1, 0])}, "second_columns"),
        ({"row_weights": np.array([0])}, "first_rows"),
        ({"row_weights": np.array([0, 0x7FC00000])}, "row_weights"),
        ({"column_weights": np.array([0x40000000, 0])}, "column_weights"),
        ({"column_weights": np.array([-1, 0])}, "column_weights"),
    ],
)
def test_what_does_not_fit(change: dict[str, np.ndarray], key: str) -> None:
    with pytest.raises(InputError) as caught:
        one_step(step((3, 3), (2, 2), False, False).replace(**change), [(3, 3, 1)], UINT8)
    assert caught.value.key == f"steps[0].{key}"


def test_signed_codes() -> None:
    with pytest.raises(InputError, match="codes of another type"):
        one_step(step((3, 3), (2, 2), False, False), [(3, 3, 1)], load_datapath("tflite"))
