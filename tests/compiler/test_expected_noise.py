"""expected_noise and noise_gain, against measured noise."""

from __future__ import annotations

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
    st.floats(0.05, 3),
    st.sampled_from([(None, None), (0.0, None), (0.0, 2.0)]),
    st.sampled_from([Interval(-8, 7), Interval(-32, 31), CODES]),
)
@settings(max_examples=40)
def test_code_noise_is_what_laplace_variables_have(
    mean: float, sigma: float, clip: Any, used: Interval
) -> None:
    meaning = Quantization(8.0 / (used.high - used.low), used.low + 2, used)
    channels = Moments.normal(np.array([mean]), np.array([sigma])).clipped(*clip)
    (found,) = code_noise(channels, meaning, CODES)
    values = np.random.default_rng(0).laplace(mean, sigma / np.sqrt(2), 200_000)
    values = values if clip == (None, None) else np.clip(values, *clip)
    codes = np.clip(np.rint(values / meaning.scale) + meaning.zero_point, used.low, used.high)
    measured = np.mean((values - meaning.scale * (codes - meaning.zero_point)) ** 2)
    # a grid of 161 points against samples: coarse where a channel is about as wide as a code
    assert found == pytest.approx(measured, rel=0.25, abs=0.02 * meaning.scale**2)


def test_a_bound_that_is_a_code_has_no_noise() -> None:
    dead = Moments.normal(np.array([-9.0]), np.array([0.1])).clipped(0.0, None)
    assert code_noise(dead, Quantization(1.0, -128), CODES)[0] == 0


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
