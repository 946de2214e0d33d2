"""fold_batch_norm: the same function in float, the statistics kept (algorithms.md 1.3)."""

from __future__ import annotations

import numpy as np
import pytest

from npusim import reference
from npusim.compiler.passes.fold_batch_norm import DeadChannels, FoldBatchNorm
from npusim.layers.batch_norm import BatchNorm
from npusim.layers.conv2d import Conv2d
from npusim.layers.dense import Dense
from npusim.layers.depthwise_conv2d import DepthwiseConv2d
from npusim.layers.relu import Relu
from npusim.network import Network
from tests.compiler.networks import conv, flat, images, network, norm, residual, some, state

DEPTHWISE = DepthwiseConv2d(name="dw", inputs=("x",), weights=some(6, 2, 3, 1), bias=some(6), stride=(2, 1))
DENSE = Dense(name="dense", inputs=("x",), weights=some(4, 7))

FOLDED: dict[str, Network] = {
    "conv": network([conv("c", "x", 3, 5, bias=some(5)), norm("bn", "c", 5)], ["bn"]),
    "groups": network([conv("c", "x", 1, 6, groups=3), norm("bn", "c", 6)], ["bn"]),
    "depthwise": network([DEPTHWISE, norm("bn", "dw", 6)], ["bn"]),
    "dense": network([DENSE, norm("bn", "dense", 4)], ["bn"], shape=(7,)),
}
APART: dict[str, Network] = {
    "first": network([norm("bn", "x", 3), conv("c", "bn", 3, 4)], ["c"]),
    "second": network([conv("c", "x", 3, 5), norm("a", "c", 5), norm("bn", "a", 5, seed=9)], ["bn"]),
    "vector": flat(),
    "two readers": network(
        [conv("c", "x", 3, 5), norm("bn", "c", 5), Relu(name="r", inputs=("c",))], ["bn", "r"]
    ),
    "an output": network([conv("c", "x", 3, 5), norm("bn", "c", 5)], ["c", "bn"]),
    "behind a clip": network([conv("c", "x", 3, 5, clip=(0, 1)), norm("bn", "c", 5)], ["bn"]),
}


def run(net: Network) -> dict[str, np.ndarray]:
    shape = net.inputs[0].shape
    return reference.run(net, images(3, shape), dtype="float64")


@pytest.mark.parametrize("name", [*FOLDED, *APART, "residual"])
def test_the_function_stays(name: str) -> None:
    before = {**FOLDED, **APART, "residual": residual()}[name]
    after = FoldBatchNorm().run(state(before)).network
    assert not any(isinstance(layer, BatchNorm) for layer in after.layers)
    expected, made = run(before), run(after)
    assert expected.keys() == made.keys()
    for tensor, values in expected.items():
        np.testing.assert_allclose(made[tensor], values, rtol=1e-5, atol=1e-5 * np.abs(values).max())


@pytest.mark.parametrize("name", FOLDED)
def test_it_disappears_into_the_layer_before(name: str) -> None:
    after = FoldBatchNorm().run(state(FOLDED[name])).network
    assert [(layer.kind, layer.outputs) for layer in after.layers] == [(FOLDED[name].layers[0].kind, ("bn",))]


@pytest.mark.parametrize("name", APART)
def test_it_becomes_a_layer_of_its_own_elsewhere(name: str) -> None:
    after = FoldBatchNorm().run(state(APART[name])).network
    (made,) = [layer for layer in after.layers if layer.name == "bn"]
    rank = len(after.shapes["bn"])
    assert isinstance(made, Dense if rank == 1 else DepthwiseConv2d)


def test_mean_and_sigma_are_kept_with_sigma_positive() -> None:
    before = FOLDED["conv"]
    bn = before.layers[1]
    assert isinstance(bn, BatchNorm)
    assert (bn.gamma < 0).any()
    moments = FoldBatchNorm().run(state(before)).moments["bn"]
    np.testing.assert_array_equal(moments.mean, bn.beta)
    np.testing.assert_array_equal(moments.sigma, np.abs(bn.gamma))
    # The digest's example of what a negative sigma would do to a ReLU's mean.
    assert moments.clipped(0.0, None).mean.min() >= 0


def dead(
    variance: list[float], weights: np.ndarray, dead_channels: DeadChannels = DeadChannels.EMPTY
) -> tuple[Network, Conv2d, tuple[str, ...]]:
    layers = [
        conv("c", "x", 3, len(weights), weights=weights),
        norm("bn", "c", len(weights), variance=np.array(variance)),
    ]
    before = network(layers, ["bn"])
    after = FoldBatchNorm(dead_channels=dead_channels).run(state(before))
    (made,) = after.network.layers
    assert isinstance(made, Conv2d)
    return before, made, after.notes


def test_channels_without_variance_emit_their_beta() -> None:
    before, made, notes = dead([1.0, 0.9e-6, 1.1e-6, 1.0, 1.0], some(5, 3, 3, 3))
    bn = before.layers[1]
    assert isinstance(bn, BatchNorm)
    empty = [not weights.any() for weights in made.weights]
    assert empty == [False, True, False, False, False]
    assert made.real_bias[1] == bn.beta[1]
    assert notes == ("1 dead channels were emptied",)


def test_channels_without_weights_keep_their_folded_bias() -> None:
    weights = some(4, 3, 3, 3)
    weights[2] *= 1e-12
    before, made, notes = dead([1.0] * 4, weights)
    bn = before.layers[1]
    assert isinstance(bn, BatchNorm)
    assert not made.weights[2].any()
    np.testing.assert_allclose(made.real_bias[2], bn.beta[2] - bn.mean[2] * bn.gain()[2])
    assert notes == ("1 dead channels were emptied",)


def test_live_channels_make_no_note() -> None:
    assert dead([1.0] * 4, some(4, 3, 3, 3))[2] == ()


def test_kept_channels_are_folded_like_any_other() -> None:
    weights = some(4, 3, 3, 3)
    weights[2] *= 1e-12
    before, made, notes = dead([1.0, 1e-8, 1.0, 1.0], weights, DeadChannels.KEEP)
    bn = before.layers[1]
    assert isinstance(bn, BatchNorm)
    np.testing.assert_allclose(made.weights, weights * bn.gain()[:, None, None, None])
    np.testing.assert_allclose(made.real_bias, bn.beta - bn.mean * bn.gain())
    assert notes == ()
