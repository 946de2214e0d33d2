"""W7: resize_bilinear steps equal the spec in bits, taps and events; weights are exact fractions, rounded."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npusim.datapath.load import change_datapath
from npusim.errors import InputError
from npusim.spec.pipeline import run
from npusim.spec.resampling import blend, blend_of
from npusim.steps.pipelines import stage_points
from npusim.steps.resize_bilinear import ResizeBilinearStep
from tests.steps.one_step import WES, Codes, Expected, one_step, run_step
from tests.steps.strategies import bounds, codes

NAMES = {"name": "step", "inputs": ("x",), "output": "y"}
WEIGHT = st.integers(0, 2047) | st.sampled_from([0, 1, 1024, 2047])
FINE = change_datapath(
    WES, {"fields.resize_weight.bits": 5, "pipelines.resize.result[0].by": [10]}, "five_bits"
)


@st.composite
def steps(draw: st.DrawFn, weight: st.SearchStrategy[int] = WEIGHT) -> ResizeBilinearStep:
    """For images of 3 rows and 2 columns."""
    axes: dict[str, Any] = {}
    for name, length in (("row", 3), ("column", 2)):
        places = draw(st.lists(st.tuples(st.integers(0, length - 1), weight), min_size=1, max_size=5))
        axes[f"{name}s"] = np.array([place for place, _ in places])
        axes[f"{name}_weights"] = np.array([found for _, found in places])
    low, high = draw(bounds())
    return ResizeBilinearStep(**NAMES, **axes, fields={"low": low, "high": high})


def expected(made: ResizeBilinearStep, x: Codes, datapath: Any, bits: int) -> Expected:
    says, stages = Expected(), made.stages(datapath)
    fields = {name: int(value) for name, value in made.fields.items()}
    for image in range(len(x)):
        shape = (made.rows.size, made.columns.size, x.shape[3])
        for flat, (r, c, k) in enumerate(np.ndindex(shape)):
            y, z = int(made.rows[r]), int(made.columns[c])
            below, right = min(y + 1, x.shape[1] - 1), min(z + 1, x.shape[2] - 1)
            four = [int(x[image, i, j, k]) for i in (y, below) for j in (z, right)]
            row, column = int(made.row_weights[r]), int(made.column_weights[c])
            value = blend((four[0], four[1], four[2], four[3]), row, column, bits)
            says.value("blend", value)
            says.value("output", says.trace(run(stages, value, fields), stage_points(stages), image, flat))
    return says


@settings(max_examples=50, deadline=None)
@given(steps(), codes((2, 3, 2, 2)))
def test_equals_the_spec(made: ResizeBilinearStep, x: Codes) -> None:
    expected(made, x, WES, 11).check(run_step(made, [x]), made)


@settings(max_examples=20, deadline=None)
@given(steps(st.integers(0, 31)), codes((2, 3, 2, 2)))
def test_the_datapath_says_how_fine_weights_are(made: ResizeBilinearStep, x: Codes) -> None:
    expected(made, x, FINE, 5).check(run_step(made, [x], FINE), made)


@given(st.fractions(-3, 12), st.integers(1, 9))
def test_a_weight_errs_by_half_a_unit(place: Fraction, length: int) -> None:
    first, second, weight = blend_of(place, length, 11)
    inside = min(max(place, Fraction(0)), Fraction(length - 1))
    assert 0 <= first <= second <= length - 1
    assert 0 <= weight < 2048
    assert abs(first + Fraction(weight, 2048) - inside) <= Fraction(1, 4096)
    assert weight == 0 or second == first + 1


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"rows": np.array([3])}, "rows"),
        ({"columns": np.array([-1])}, "columns"),
        ({"row_weights": np.array([2048])}, "row_weights"),
        ({"column_weights": np.array([0, 0])}, "column_weights"),
        ({"fields": {"low": 0}}, "fields.high"),
    ],
)
def test_what_does_not_fit_is_refused(changes: dict[str, Any], key: str) -> None:
    one = {"rows": np.array([0]), "row_weights": np.array([0])}
    other = {"columns": np.array([0]), "column_weights": np.array([0])}
    step = ResizeBilinearStep(**{**NAMES, **one, **other, "fields": {"low": 0, "high": 1}, **changes})
    with pytest.raises(InputError) as caught:
        one_step(step, [(3, 2, 2)])
    assert caught.value.key == f"steps[0].{key}"
