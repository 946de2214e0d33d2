"""W6, W7: argmax and interleave."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npusim.errors import InputError
from npusim.spec.choice import argmax
from npusim.steps.argmax import ArgmaxStep
from npusim.steps.interleave import InterleaveStep
from npusim.steps.table import TableStep
from tests.steps.one_step import WES, Codes, one_step, run_step
from tests.steps.strategies import codes

NAMES = {"name": "step", "inputs": ("x",), "output": "y"}


@settings(max_examples=40, deadline=None)
@given(codes((2, 3, 4, 2)) | codes((2, 2, 6, 1)), st.integers(-3, 2))
def test_argmax_is_the_first_of_several(x: Codes, axis: int) -> None:
    x = x // 64  # ties everywhere
    result = run_step(ArgmaxStep(**NAMES, axis=axis), [x]).outputs["y"]
    lines = np.moveaxis(x, axis if axis < 0 else axis + 1, -1)
    says = [argmax([int(code) for code in line]) for line in lines.reshape(-1, lines.shape[-1])]
    np.testing.assert_array_equal(result.reshape(-1), says)
    assert result.shape == lines.shape[:-1]
    assert result.dtype == np.int32


def test_indices_are_no_activations() -> None:
    step = ArgmaxStep(**NAMES)
    made = step.output_type([one_step(step, [(3,)]).tensors["x"]], WES)
    assert made.codes.interval.high == 2**31 - 1
    with pytest.raises(InputError, match="does not read such codes"):
        TableStep(**NAMES, fields={"table": np.zeros(256, np.int64)}).check([made], WES)


@settings(max_examples=40, deadline=None)
@given(
    st.data(),
    st.tuples(st.integers(1, 5), st.integers(1, 5)),
    st.tuples(st.integers(1, 3), st.integers(1, 3)),
)
def test_interleave_puts_phases_together(
    data: st.DataObject, size: tuple[int, int], grid: tuple[int, int]
) -> None:
    grid = (min(grid[0], size[0]), min(grid[1], size[1]))
    image = data.draw(codes((2, *size, 2)))
    parts = [image[:, y :: grid[0], x :: grid[1]] for y in range(grid[0]) for x in range(grid[1])]
    names = tuple(f"p{index}" for index in range(len(parts)))
    step = InterleaveStep(name="step", inputs=names, output="y", grid=grid)
    np.testing.assert_array_equal(run_step(step, parts).outputs["y"], image)


@pytest.mark.parametrize(
    ("shapes", "key"),
    [([(2, 2, 1), (3, 2, 1)], "inputs[0]"), ([(2, 2, 1), (2, 2, 2)], "inputs[1]"), ([(2, 2, 1)], "inputs")],
)
def test_phases_that_do_not_fit_are_refused(shapes: list[tuple[int, ...]], key: str) -> None:
    names = tuple(f"p{index}" for index in range(len(shapes)))
    with pytest.raises(InputError) as caught:
        one_step(InterleaveStep(name="step", inputs=names, output="y", grid=(2, 1)), shapes)
    assert caught.value.key == f"steps[0].{key}"
