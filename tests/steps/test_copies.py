"""W7, A4: pad, reshape and clamp."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npusim.errors import InputError
from npusim.spec.pipeline import run
from npusim.steps.base import Step
from npusim.steps.clamp import ClampStep
from npusim.steps.fields import Activation
from npusim.steps.pad import PadStep
from npusim.steps.pipelines import stage_points
from npusim.steps.reshape import ReshapeStep
from tests.steps.one_step import Codes, Expected, one_step, run_step
from tests.steps.strategies import CODE, bounds, codes

NAMES = {"name": "step", "inputs": ("x",), "output": "y"}
PAD = st.tuples(st.integers(0, 2), st.integers(0, 2))


@settings(max_examples=40, deadline=None)
@given(codes((2, 2, 3, 2)), st.tuples(PAD, PAD, PAD), CODE)
def test_pad_puts_codes_around(x: Codes, pads: Any, value: int) -> None:
    made = run_step(PadStep(**NAMES, pads=pads, value=value), [x]).outputs["y"]
    inside = tuple(slice(before, before + n) for (before, _), n in zip(pads, x.shape[1:], strict=True))
    np.testing.assert_array_equal(made[(slice(None), *inside)], x)
    assert made.shape[1:] == tuple(n + sum(pad) for n, pad in zip(x.shape[1:], pads, strict=True))
    assert (made == value).sum() == (x == value).sum() + made.size - x.size
    assert made.dtype == np.int8


def test_reshape_keeps_the_order() -> None:
    x = np.arange(24, dtype=np.int8).reshape(2, 2, 3, 2)
    result = run_step(ReshapeStep(**NAMES, shape=(12,)), [x])
    np.testing.assert_array_equal(result.outputs["y"], np.arange(24).reshape(2, 12))
    np.testing.assert_array_equal(result.taps["step"]["output"], result.outputs["y"])


@settings(max_examples=60, deadline=None)
@given(codes((2, 3, 2, 2)), bounds(), st.sampled_from(Activation))
def test_clamp_equals_the_spec(x: Codes, limits: tuple[int, int], activation: Activation) -> None:
    made = ClampStep(**NAMES, low=limits[0], high=limits[1], activation=activation)
    fields = {"low": limits[0], "high": limits[1], "activation": int(activation.bounds)}
    says = Expected()
    for image in range(len(x)):
        for flat, code in enumerate(x[image].flat):
            trace = run(made.stages, int(code), fields)
            says.value("output", says.trace(trace, stage_points(made.stages), image, flat))
    says.check(run_step(made, [x]), made)


@pytest.mark.parametrize(
    ("step", "key"),
    [
        (PadStep(**NAMES, pads=((1, 1), (1, 1), (0, 0)), value=128), "value"),
        (PadStep(**NAMES, pads=((1, 1), (1, 1)), value=0), "pads"),
        (ReshapeStep(**NAMES, shape=(2, 5)), "shape"),
        (ClampStep(**NAMES, low=-129, high=0), "low"),
        (ClampStep(**NAMES, low=0, high=128), "high"),
        (ClampStep(**NAMES, low=5, high=4), "low"),
    ],
)
def test_what_does_not_fit_is_refused(step: Step, key: str) -> None:
    with pytest.raises(InputError) as caught:
        one_step(step, [(2, 2, 3)])
    assert caught.value.key == f"steps[0].{key}"
