"""W6: the max_pool step equals the spec; padding never wins."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from npusim.errors import InputError
from npusim.spec.pooling import maximum
from npusim.steps.max_pool import MaxPoolStep
from npusim.steps.pool_windows import pixels_inside
from tests.steps.one_step import one_step, run_step
from tests.steps.strategies import codes, image_shapes, windows
from tests.steps.windows import inside


@settings(max_examples=80, deadline=None)
@given(st.data(), image_shapes(), windows())
def test_equals_the_spec(data: st.DataObject, shape: tuple[int, int, int], geometry: dict) -> None:
    try:
        size = pixels_inside((shape[0], shape[1]), **geometry).shape
    except InputError:
        assume(False)
    x = data.draw(codes((2, *shape)))
    made = MaxPoolStep(name="pool", inputs=("x",), output="y", **geometry)
    result = run_step(made, [x])
    says = [
        maximum([int(code) for code in window[:, c]])
        for image in x
        for window in inside(image, **geometry)
        for c in range(shape[2])
    ]
    assert result.outputs["y"].shape == (2, *size, shape[2])
    assert result.outputs["y"].reshape(-1).tolist() == says
    np.testing.assert_array_equal(result.taps["pool"]["output"], result.outputs["y"])


def test_padding_never_wins() -> None:
    x = np.full((1, 2, 2, 1), -128, np.int8)
    made = MaxPoolStep(name="pool", inputs=("x",), output="y", kernel=(2, 2), padding=((1, 1), (1, 1)))
    assert set(run_step(made, [x]).outputs["y"].reshape(-1)) == {-128}


@pytest.mark.parametrize("padding", [((2, 0), (0, 0)), ((0, 0), (0, 2))])
def test_a_window_of_padding_alone_is_refused(padding: tuple) -> None:
    made = MaxPoolStep(name="pool", inputs=("x",), output="y", kernel=(2, 2), padding=padding)
    with pytest.raises(InputError, match="padding") as caught:
        one_step(made, [(4, 4, 1)])
    assert caught.value.key == "steps[0].padding"


def test_padding_that_no_window_lies_in_is_fine() -> None:
    # Two rows below, but the stride steps over them.
    assert pixels_inside((3, 3), (2, 2), (4, 4), ((0, 2), (0, 2))).tolist() == [[4]]
