"""expected_noise and noise_gain, against measured noise."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npusim.compiler.data_free import propagate
from npusim.compiler.expected_noise import code_noise
from npusim.compiler.noise_gain import noise_gains, passed
from npusim.layers.add import Add
from npusim.layers.concat import Concat
from npusim.layers.conv2d import Conv2d
from npusim.layers.dense import Dense
from npusim.layers.flatten import Flatten
from npusim.layers.relu import Relu
from npusim.layers.sigmoid import Sigmoid
from npusim.moments import Moments
from npusim.quantization import Quantization
from npusim.spec.interval import Interval
from tests.compiler.networks import network, some

CODES = Interval(-128, 127)


@given(
    st.floats(-3, 3),
    st.floats(0.01, 30),
    st.sampled_from([(None, None), (0.0, None), (0.0, 2.0), (-1.0, 1.3)]),
    st.sampled_from([Interval(-8, 7), Interval(-32, 31), CODES]),
    st.floats(0.2, 5),
)
@settings(max_examples=60, deadline=None)
def test_code_noise_is_the_integral_over_every_code(
    mean: float, sigma: float, clip: Any, used: Interval, stretch: float
) -> None:
    meaning = Quantization(8.0 * stretch / (used.high - used.low), used.low + 2, used)
    channels = Moments.normal(np.array([mean]), np.array([sigma])).clipped(*clip)
    (found,) = code_noise(channels, meaning, CODES)
    wanted = _summed(mean, sigma / np.sqrt(2), clip, meaning, used)
    assert found == pytest.approx(wanted, rel=1e-7, abs=1e-12 * meaning.scale**2)


def _summed(mean: float, decay: float, clip: Any, meaning: Quantization, used: Interval) -> float:
    """Cell by cell, Simpson's rule between the codes' thresholds, and the mass at the bounds."""

    def error(x: Any, code: int) -> Any:
        return (x - meaning.scale * (code - meaning.zero_point)) ** 2

    def code_of(x: float) -> int:
        return min(max(round(x / meaning.scale) + meaning.zero_point, used.low), used.high)

    def below(x: float) -> float:
        tail = 0.5 * math.exp(-abs(x - mean) / decay)
        return tail if x < mean else 1 - tail

    low, high = clip
    total = 0.0 if low is None else below(low) * error(low, code_of(low))
    total += 0.0 if high is None else (1 - below(high)) * error(high, code_of(high))
    first = max(mean - 50 * decay, -math.inf if low is None else low)
    last = min(mean + 50 * decay, math.inf if high is None else high)
    cuts = [(code + 0.5 - meaning.zero_point) * meaning.scale for code in range(used.low, used.high)]
    cuts += [mean + step * decay / 2 for step in range(-100, 101)]
    cuts = sorted({first, last, *(cut for cut in cuts if first < cut < last)}) if first < last else []
    for start, stop in itertools.pairwise(cuts):
        x = np.linspace(start, stop, 33)
        density = np.exp(-np.abs(x - mean) / decay) / (2 * decay)
        y = error(x, code_of((start + stop) / 2)) * density
        total += (stop - start) / 96 * float(y[0] + y[-1] + 4 * y[1:-1:2].sum() + 2 * y[2:-1:2].sum())
    return total


@pytest.mark.parametrize("sigma", [4.0, 100.0, 1e3, 1e6, 1e9])
def test_wide_channels_have_a_twelfth_of_a_squared_code(sigma: float) -> None:
    """Bennett's rule, whatever the step of any grid: sigmas that are whole numbers of codes too."""
    wide = Moments.normal(np.array([0.0, 0.37]), np.full(2, sigma))
    noise = code_noise(wide, Quantization(1.0, 0), Interval(-(10**11), 10**11))
    np.testing.assert_allclose(noise, 1 / 12, rtol=0.01 if sigma < 100 else 1e-5)


def test_a_bound_that_is_a_code_has_no_noise() -> None:
    dead = Moments.normal(np.array([-9.0]), np.array([0.1])).clipped(0.0, None)
    assert code_noise(dead, Quantization(1.0, -128), CODES)[0] < 1e-50


def test_a_constant_has_its_own_error() -> None:
    still = Moments.constant(0.3, 2)
    np.testing.assert_allclose(code_noise(still, Quantization(1.0, 0), CODES), 0.09, rtol=1e-12)


def test_gains_of_a_dense_layer_are_its_squared_columns() -> None:
    net = network([Dense(name="a", inputs=("x",), weights=some(5, 3))], ["a"], shape=(3,))
    gains = noise_gains(net, propagate(net, {}))
    noise = np.random.default_rng(0).normal(size=(100_000, 3))
    for channel in range(3):
        moved = np.outer(noise[:, channel], net.layers[0].weights[:, channel])  # type: ignore[attr-defined]
        assert gains["x"][channel] == pytest.approx(moved.var(axis=0).sum(), rel=0.02)


def test_gains_go_through_branches_concats_and_vectors() -> None:
    """By hand: squared weights multiply along a path, paths add."""
    weights = np.array([[1.0, 2.0], [3.0, 4.0]])
    net = network(
        [
            Conv2d(name="a", inputs=("x",), weights=weights[:, np.newaxis, np.newaxis]),
            Add(name="sum", inputs=("x", "a")),
            Concat(name="both", inputs=("sum", "a")),
            Flatten(name="flat", inputs=("both",)),
            Dense(name="b", inputs=("flat",), weights=np.array([[1.0, 0, 2, 0, 3, 1, 0, 0]])),
        ],
        ["b"],
        shape=(1, 2, 2),
    )
    gains = noise_gains(net, propagate(net, {}))
    np.testing.assert_allclose(gains["flat"], [1, 0, 4, 0, 9, 1, 0, 0])
    np.testing.assert_allclose(gains["both"], [5, 0.5, 2, 0])
    np.testing.assert_allclose(gains["a"], [5 + 2, 0.5 + 0])
    np.testing.assert_allclose(gains["x"], [5 + 1 * 7 + 9 * 0.5, 0.5 + 4 * 7 + 16 * 0.5])


def test_a_relu_passes_the_share_of_values_above_it() -> None:
    layer = Dense(name="a", inputs=("x",), weights=some(4, 4), clip=(0.0, None))
    made = Moments.normal(np.array([0.0, 1.0, -2.0, 5.0]), np.array([1.0, 1.0, 1.0, 0.0])).clipped(0.0, None)
    samples = np.random.default_rng(0).normal((0.0, 1.0, -2.0), size=(100_000, 3))
    np.testing.assert_allclose(passed(layer, made)[:3], (samples > 0).mean(axis=0), atol=0.01)
    assert passed(layer, made)[3] == 1
    assert (passed(layer.replace(clip=None), made) == 1).all()


def test_other_layers_pass_on_what_their_variance_says() -> None:
    net = network([Sigmoid(name="s", inputs=("x",)), Relu(name="r", inputs=("s",))], ["r"], shape=(4, 4, 3))
    expected = propagate(net, {})
    gains = noise_gains(net, expected)
    slope = 0.25 * 0.9  # of a sigmoid between -1 and 1, about
    np.testing.assert_allclose(gains["x"], slope**2, rtol=0.5)
