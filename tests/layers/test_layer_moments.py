"""Moments without data: what each layer does to its channels' means and variances (algorithms.md 1.7)."""

from __future__ import annotations

import numpy as np
import pytest

from npusim.compiler.data_free import propagate
from npusim.layers.add import Add
from npusim.layers.avg_pool2d import AvgPool2d
from npusim.layers.base import Layer
from npusim.layers.batch_norm import BatchNorm
from npusim.layers.broadcasting import BroadcastingLayer
from npusim.layers.concat import Concat
from npusim.layers.constant import Constant
from npusim.layers.conv2d import Conv2d
from npusim.layers.conv2d_transpose import Conv2dTranspose
from npusim.layers.dense import Dense
from npusim.layers.depthwise_conv2d import DepthwiseConv2d
from npusim.layers.flatten import Flatten
from npusim.layers.gather import Gather
from npusim.layers.global_avg_pool import GlobalAvgPool
from npusim.layers.l2_normalization import L2Normalization
from npusim.layers.matmul import Matmul
from npusim.layers.max_pool2d import MaxPool2d
from npusim.layers.maximum import Maximum
from npusim.layers.mean import Mean
from npusim.layers.minimum import Minimum
from npusim.layers.mul import Mul
from npusim.layers.reshape import Reshape
from npusim.layers.slice import Slice
from npusim.layers.softmax import Softmax
from npusim.layers.sub import Sub
from npusim.layers.sum import Sum
from npusim.layers.transpose import Transpose
from npusim.moments import Moments
from npusim.network import Network, NetworkInput
from npusim.preprocess import Preprocess
from tests.layers.cases import TWO, X, some

A = Moments.normal(np.array([1.0, -2.0]), np.array([0.5, 3.0]))
B = Moments.normal(np.array([4.0, 0.25]), np.array([2.0, 1.0])).clipped(0.0, None)


def through(layer: Layer, *inputs: Moments) -> Moments:
    made = layer.moments(inputs)
    assert made is not None
    return made


def test_add_sums_means_variances_and_bounds() -> None:
    made = through(Add(**TWO), A, B)
    np.testing.assert_allclose(made.mean, A.mean + B.mean)
    np.testing.assert_allclose(made.variance, A.variance + B.variance)
    np.testing.assert_array_equal(through(Add(**TWO), B, B).low, [0, 0])
    assert through(Add(**TWO), B, B).range(100.0)[0] == 0.0


def test_a_fused_clip_bounds_the_sum() -> None:
    assert through(Add(**TWO, clip=(-1.0, 2.0)), A, B).range(6.0) == (-1.0, 2.0)


def sized(layer: Layer, shapes: list[tuple[int, ...]], *inputs: Moments) -> Moments:
    made = layer.sized_moments(inputs, shapes)
    assert made is not None
    return made


def test_concat_puts_channels_behind_each_other() -> None:
    made = sized(Concat(**TWO), [(3, 2), (3, 2)], A, B)
    np.testing.assert_array_equal(made.mean, [*A.mean, *B.mean])
    np.testing.assert_array_equal(made.high, [*A.high, *B.high])
    assert made.range(6.0) == (-20.0, 16.0)


def test_concat_elsewhere_mixes_channels() -> None:
    made = sized(Concat(**TWO, axis=0), [(3, 2), (3, 2)], A, B)
    values = np.concatenate([sampled(A), sampled(B)])
    np.testing.assert_allclose(made.mean, values.mean(axis=0), atol=0.02)
    np.testing.assert_allclose(made.variance, values.var(axis=0), rtol=0.02)
    np.testing.assert_array_equal(made.low, np.minimum(A.low, B.low))


@pytest.mark.parametrize(
    "layer",
    [
        AvgPool2d(**X, kernel=(2, 2)),
        GlobalAvgPool(**X),
        MaxPool2d(**X, kernel=(2, 2)),
        Flatten(**X),
        Reshape(**X, shape=(8,)),
        Reshape(**X, shape=(4, 2)),
    ],
    ids=lambda layer: layer.kind,
)
def test_layers_that_keep_channels(layer: Layer) -> None:
    assert layer.moments([A]) is A


def test_a_reshape_that_mixes_channels_is_not_known() -> None:
    assert Reshape(**X, shape=(2, 4)).moments([A]) is None


def test_batch_norm_leaves_beta_and_gamma() -> None:
    norm = BatchNorm(
        **X, gamma=np.array([-2.0, 1.0]), beta=np.array([3.0, 0.0]), mean=A.mean, variance=A.variance
    )
    made = through(norm, A)
    np.testing.assert_array_equal(made.mean, [3, 0])
    np.testing.assert_array_equal(made.variance, [4, 1])


@pytest.mark.parametrize("features", [2, 8])
def test_dense_reads_flattened_channels_pixel_by_pixel(features: int) -> None:
    weights = some(3, features).astype(np.float64)
    made = through(Dense(**X, weights=weights), A)
    np.testing.assert_allclose(made.mean, weights @ np.tile(A.mean, features // 2))
    np.testing.assert_allclose(made.variance, weights**2 @ np.tile(A.variance, features // 2))


def test_convolutions_read_their_channels() -> None:
    weights = some(4, 2, 1, 1).astype(np.float64)
    taps = weights.sum(axis=(1, 2, 3))
    np.testing.assert_allclose(
        through(DepthwiseConv2d(**X, weights=weights), A).mean, taps * np.repeat(A.mean, 2)
    )
    grouped = through(Conv2d(**X, weights=weights, groups=2), A)
    np.testing.assert_allclose(grouped.mean, taps * np.repeat(A.mean, 2))
    full = some(3, 2, 2, 2).astype(np.float64)
    np.testing.assert_allclose(
        through(Conv2d(**X, weights=full), A).variance, (full**2).sum(axis=(1, 2)) @ A.variance
    )


def sampled(moments: Moments, count: int = 200_000) -> np.ndarray:
    mean, sigma = moments.gaussian
    rng = np.random.default_rng(int(1000 * abs(mean[0])))
    return np.clip(rng.normal(size=(count, len(mean))) * sigma + mean, moments.low, moments.high)


@pytest.mark.parametrize("kind", [Sub, Mul, Minimum, Maximum], ids=lambda kind: kind.kind)
def test_independent_branches(kind: type[BroadcastingLayer]) -> None:
    """Against samples: means and variances err by a few standard errors, about 1%."""
    b = Moments.normal(np.array([0.5, -1.5]), np.array([1.0, 0.5]))
    made, values = through(kind(**TWO), A, b), kind(**TWO).function(sampled(A), sampled(b))
    np.testing.assert_allclose(made.mean, values.mean(axis=0), atol=0.06)
    np.testing.assert_allclose(made.variance, values.var(axis=0), rtol=0.03)


def test_bounds_of_two_branches() -> None:
    a, b = A.clipped(-1.0, 2.0), B.clipped(0.5, 3.0)
    for kind, low, high in ((Sub, -4, 1.5), (Mul, -3, 6), (Minimum, -1, 2), (Maximum, 0.5, 3)):
        made = through(kind(**TWO), a, b)
        np.testing.assert_array_equal(made.low, [low, low])
        np.testing.assert_array_equal(made.high, [high, high])
        assert through(kind(**TWO, clip=(0.0, 1.0)), a, b).range(100.0) == (max(low, 0), min(high, 1))


def test_constants_have_their_extreme() -> None:
    one, two = (Moments.normal(np.array([value]), np.zeros(1)) for value in (1.0, 2.0))
    assert through(Maximum(**TWO), one, two).mean == 2.0
    assert through(Minimum(**TWO), one, two).mean == 1.0
    assert through(Maximum(**TWO), one, one).mean == 1.0


def test_a_tensor_times_itself_is_a_square() -> None:
    made = through(Mul(name="y", inputs=("a", "a")), A, A)
    values = sampled(A) ** 2
    np.testing.assert_allclose(made.mean, values.mean(axis=0), rtol=0.02)
    np.testing.assert_allclose(made.variance, values.var(axis=0), rtol=0.05)
    np.testing.assert_array_equal(made.low, [0, 0])


def test_a_transposed_convolution_reads_its_share_of_the_kernel() -> None:
    weights = some(3, 4, 4, 2).astype(np.float64)
    made = through(Conv2dTranspose(**X, weights=weights, stride=(2, 2)), A)
    np.testing.assert_allclose(made.mean, weights.sum(axis=(1, 2)) @ A.mean / 4)


def test_means_and_sums_of_pixels_that_are_alike() -> None:
    assert sized(Mean(**X, axes=(0, -2)), [(4, 5, 2)], A) is A
    made = sized(Sum(**X, axes=(0, 1)), [(4, 5, 2)], A)
    np.testing.assert_allclose(made.mean, 20 * A.mean)
    np.testing.assert_allclose(made.sigma, 20 * A.sigma)


def test_means_over_channels_mix_them() -> None:
    made = sized(Mean(**X, axes=(-1,)), [(4, 5, 2)], A)
    values = sampled(A)
    assert made.mean.shape == (5,)
    np.testing.assert_allclose(made.mean, values.mean(), atol=0.02)
    np.testing.assert_allclose(made.variance, values.var(), rtol=0.02)


def test_matrix_products_sum_products() -> None:
    """Against samples: means and variances err by a few standard errors, about 1%."""
    b = Moments.normal(np.array([0.5, -1.5, 1.0]), np.array([1.0, 0.5, 2.0]))
    made = sized(Matmul(**TWO), [(4, 2), (2, 3)], A, b)
    left = sampled(A)
    right = np.random.default_rng(5).normal(size=(len(left), 2, 3)) * b.sigma + b.mean
    values = np.einsum("nk,nkc->nc", left, right)
    np.testing.assert_allclose(made.mean, values.mean(axis=0), atol=0.05)
    np.testing.assert_allclose(made.variance, values.var(axis=0), rtol=0.03)
    assert sized(Matmul(**TWO, clip=(0.0, 1.0)), [(4, 2), (2, 3)], A, b).range(100.0) == (0.0, 1.0)


@pytest.mark.parametrize(("axis", "length"), [(-1, 2), (0, 4)])
def test_shares_and_unit_vectors(axis: int, length: int) -> None:
    shares = sized(Softmax(**X, axis=axis), [(4, 2)], A)
    np.testing.assert_allclose(shares.gaussian[0], np.full(2, 1 / length))
    assert shares.range(1000.0) == (0.0, 1.0)
    unit = sized(L2Normalization(**X, axis=axis), [(4, 2)], A)
    squares = A.variance + A.mean**2
    norm = np.sqrt(squares.sum() if axis == -1 else 4 * squares)
    np.testing.assert_allclose(unit.gaussian[0], A.mean / norm)
    assert unit.range(1000.0) == (-1.0, 1.0)


def test_gather_and_slice_pick_channels_of_repeated_features() -> None:
    picked = through(Gather(**X, indices=np.array([1, 0, 3])), A)
    np.testing.assert_array_equal(picked.mean, A.mean[[1, 0, 1]])
    np.testing.assert_array_equal(through(Slice(**X, cuts=((2, 5, 2),)), A).mean, A.mean[[0, 0]])
    assert through(Gather(**X, axis=-2, indices=np.array([0])), A) is A


def test_layers_that_move_channels_about_mix_them() -> None:
    network = Network(
        name="mixed",
        preprocess=Preprocess(mean=(0.0, 255.0), std=(255.0, 51.0)),  # reals in -5..1
        inputs=(NetworkInput(name="a", shape=(3, 4, 2)),),
        layers=(Transpose(**X, permutation=(2, 0, 1)),),
        outputs=("y",),
    )
    made = propagate(network, {})["y"]
    assert (made.mean.shape, made.range(100.0)) == ((4,), (-5.0, 1.0))
    np.testing.assert_allclose(made.mean, np.full(4, -2.0))


def test_a_constant_holds_its_values() -> None:
    made = Constant(name="y", values=np.array([[1.0, -2.0], [3.0, -2.0]])).moments([])
    np.testing.assert_array_equal(made.mean, [2, -2])
    np.testing.assert_array_equal(made.variance, [1, 0])
    assert made.range(1.0) == (-2.0, 3.0)
