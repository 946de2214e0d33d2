"""W7: transpose, slice and nearest resize, and their layers lowered to them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npusim.errors import InputError
from npusim.layers.base import Layer
from npusim.layers.lowering import Lowering
from npusim.layers.mul import Mul
from npusim.layers.resize import Resize
from npusim.layers.slice import Slice
from npusim.layers.sub import Sub
from npusim.layers.transpose import Transpose
from npusim.quantization import Quantization
from npusim.resampling import Coordinates, NearestRounding
from npusim.steps.base import Step
from npusim.steps.resize_nearest import ResizeNearestStep
from npusim.steps.slice import SliceStep
from npusim.steps.transpose import TransposeStep
from tests.steps.one_step import WES, Codes, one_step, run_step
from tests.steps.strategies import codes

NAMES: dict[str, Any] = {"name": "step", "inputs": ("x",), "output": "y"}
LAYER: dict[str, Any] = {"name": "y", "inputs": ("x",)}
ROW = st.integers(0, 2)


@settings(max_examples=20, deadline=None)
@given(codes((2, 3, 2, 2)), st.permutations(range(3)))
def test_transpose_moves_every_code(x: Codes, permutation: list[int]) -> None:
    result = run_step(TransposeStep(**NAMES, permutation=tuple(permutation)), [x])
    made = result.outputs["y"]
    for image, *place in np.ndindex(*x.shape):
        assert made[(image, *(place[axis] for axis in permutation))] == x[(image, *place)]
    np.testing.assert_array_equal(result.taps["step"]["output"], made)


@settings(max_examples=20, deadline=None)
@given(codes((2, 5, 4, 3)), st.tuples(ROW, st.integers(3, 5), st.integers(1, 3)))
def test_slice_takes_what_it_says(x: Codes, rows: tuple[int, int, int]) -> None:
    made = run_step(SliceStep(**NAMES, cuts=(rows, (1, 4, 2), (0, 3, 1))), [x]).outputs["y"]
    assert made.shape[1:] == (len(range(*rows)), 2, 3)
    for at, row in enumerate(range(*rows)):
        np.testing.assert_array_equal(made[:, at, 0], x[:, row, 1])
        np.testing.assert_array_equal(made[:, at, 1], x[:, row, 3])


@settings(max_examples=20, deadline=None)
@given(codes((2, 3, 3, 2)), st.lists(ROW, min_size=1, max_size=5), st.lists(ROW, min_size=1, max_size=5))
def test_resize_copies_pixels(x: Codes, rows: list[int], columns: list[int]) -> None:
    step = ResizeNearestStep(**NAMES, rows=np.array(rows), columns=np.array(columns))
    made = run_step(step, [x]).outputs["y"]
    assert made.shape == (2, len(rows), len(columns), 2)
    for r, c in np.ndindex(len(rows), len(columns)):
        np.testing.assert_array_equal(made[:, r, c], x[:, rows[r], columns[c]])


def lowered(layer: Layer, *scales: float) -> Step:
    shapes = dict.fromkeys(layer.inputs, (2, 3, 2))
    shapes[layer.outputs[0]] = layer.output_shapes(list(shapes.values()))[0]
    tensors = [*layer.inputs, *layer.outputs]
    quantization = {t: Quantization(s, z) for t, s, z in zip(tensors, scales, (3, -5, 7), strict=False)}
    (step,) = layer.lower(Lowering(WES, shapes, quantization, {}))
    return step


MOVES: list[Layer] = [
    Transpose(**LAYER, permutation=(1, 2, 0)),
    Slice(**LAYER, cuts=((0, 1, 1), (0, 3, 2), (1, 2, 1))),
    Resize(**LAYER, size=(4, 4)),
    Resize(**LAYER, size=(3, 7), coordinates=Coordinates.ALIGN_CORNERS, rounding=NearestRounding.HALF_UP),
]


@pytest.mark.parametrize("layer", MOVES, ids=lambda layer: layer.kind)
def test_moved_codes_are_moved_values(layer: Layer) -> None:
    x = np.arange(24, dtype=np.int8).reshape(2, 2, 3, 2)
    made = run_step(lowered(layer, 0.5, 0.5), [x]).outputs["y"]
    np.testing.assert_array_equal(made, layer.forward([x.astype(np.float64)])[0])


@settings(max_examples=20, deadline=None)
@given(codes((2, 2, 3, 2)), codes((2, 2, 3, 2)), st.sampled_from([Sub, Mul]))
def test_sub_and_mul_are_right_within_half_a_step(a: Codes, b: Codes, kind: type[Layer]) -> None:
    layer = kind(name="y", inputs=("a", "b"))
    scales = (0.5, 0.25, 1.5 if kind is Sub else 40.0)
    found = run_step(lowered(layer, *scales), [a, b]).outputs["y"]
    reals = [scales[0] * (a.astype(np.float64) - 3), scales[1] * (b.astype(np.float64) + 5)]
    exact = np.clip(layer.forward(reals)[0] / scales[2] + 7, -128, 127)
    # the multipliers err by 2**-16 at most, which is 0.01 of a step at the greatest operands
    assert np.abs(found - exact).max() <= 0.51


@pytest.mark.parametrize(
    ("step", "key"),
    [
        (TransposeStep(**NAMES, permutation=(0, 1)), "permutation"),
        (TransposeStep(**NAMES, permutation=(0, 1, 1)), "permutation"),
        (SliceStep(**NAMES, cuts=((0, 1, 1),)), "cuts"),
        (SliceStep(**NAMES, cuts=((0, 2, 1), (2, 2, 1), (0, 3, 1))), "cuts[1]"),
        (SliceStep(**NAMES, cuts=((0, 2, 1), (0, 2, 1), (0, 4, 1))), "cuts[2]"),
        (ResizeNearestStep(**NAMES, rows=np.array([0, 2]), columns=np.array([0])), "rows"),
        (ResizeNearestStep(**NAMES, rows=np.array([0]), columns=np.array([-1])), "columns"),
    ],
)
def test_what_does_not_fit_is_refused(step: Step, key: str) -> None:
    with pytest.raises(InputError) as caught:
        one_step(step, [(2, 2, 3)])
    assert caught.value.key == f"steps[0].{key}"
