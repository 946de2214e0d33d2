"""Constant channels leave the multiplications; no value of any tensor moves."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from npusim import load_datapath, reference
from npusim.compiler.compile import compile_network
from npusim.compiler.passes.empty_constants import EmptyConstants
from npusim.evaluate import evaluate
from npusim.layers.conv2d import Conv2d
from npusim.layers.dense import Dense
from npusim.layers.depthwise_conv2d import DepthwiseConv2d
from npusim.layers.global_avg_pool import GlobalAvgPool
from npusim.layers.mac_layer import MacLayer
from npusim.network import Network
from tests.compiler.networks import images, network, some, state

PADS = ((1, 1), (1, 1))
Array = npt.NDArray[Any]


def dead(bias: float, *, padding: Any = PADS, clip: tuple[float, float | None] = (0.0, None)) -> Network:
    """conv - depthwise - conv - pool - dense; channel 1 of the first is constant, filter 1 after it huge."""
    first = some(5, 3, 3, 3)
    first[1] = 0.0
    filters = some(5, 3, 3, 1, seed=2)
    filters[1] *= 200.0
    biases = some(5, seed=3)
    biases[1] = bias
    return network(
        [
            Conv2d(name="a", inputs=("x",), weights=first, bias=biases, padding=PADS, clip=clip),
            DepthwiseConv2d(
                name="b", inputs=("a",), weights=filters, bias=some(5, seed=4), padding=padding, clip=clip
            ),
            Conv2d(name="c", inputs=("b",), weights=some(6, 1, 1, 5, seed=5), bias=some(6), clip=clip),
            GlobalAvgPool(name="p", inputs=("c",)),
            Dense(name="d", inputs=("p",), weights=some(4, 6, seed=6)),
        ],
        ["d"],
    )


def tensors(net: Network) -> dict[str, Array]:
    seen: dict[str, Array] = {}
    reference.run(net, images(), dtype="float64", observe=seen.__setitem__)
    return seen


def weights(net: Network, name: str) -> Array:
    layer = next(layer for layer in net.layers if layer.name == name)
    assert isinstance(layer, MacLayer)
    return layer.weights


@pytest.mark.parametrize("clip", [(0.0, None), (0.0, 6.0), (-0.5, 0.5)])
@pytest.mark.parametrize("padding", [PADS, ((0, 0), (0, 0))])
@pytest.mark.parametrize("bias", [-2.0, 0.0, 1.5, 40.0])
def test_every_tensor_stays_as_it_was(bias: float, padding: Any, clip: tuple[float, float | None]) -> None:
    before = dead(bias, padding=padding, clip=clip)
    after = EmptyConstants().run(state(before)).network
    found = tensors(after)
    for name, values in tensors(before).items():
        scale = max(np.abs(values).max(), 1e-9)
        np.testing.assert_allclose(found[name], values, atol=1e-9 * scale, err_msg=name)


def test_weights_that_read_zero_are_emptied_even_behind_padding_and_so_on_down_the_chain() -> None:
    made = EmptyConstants().run(state(dead(-2.0)))
    assert not weights(made.network, "b")[1].any()  # reads what a's ReLU holds at zero
    assert not weights(made.network, "c")[..., 1].any()  # reads what is now b's constant
    assert weights(made.network, "b")[[0, 2, 3, 4]].all()
    assert made.notes == ("weights that read 2 constant channels were emptied",)


def test_a_constant_is_not_folded_where_padding_would_be_read_instead_of_it() -> None:
    assert weights(EmptyConstants().run(state(dead(1.5))).network, "b")[1].all()
    inside = EmptyConstants().run(state(dead(1.5, padding=((0, 0), (0, 0))))).network
    assert not weights(inside, "b")[1].any()


def test_a_network_without_constants_is_left_alone() -> None:
    net = network([Conv2d(name="a", inputs=("x",), weights=some(4, 3, 3, 3))], ["a"])
    made = EmptyConstants().run(state(net))
    assert made.network == net
    assert made.notes == ()


def test_one_scale_per_layer_no_longer_dies_of_a_filter_that_does_nothing() -> None:
    net = dead(-2.0)
    data = [(images(8), None)]
    noise = {
        recipe: evaluate(net, compile_network(net, load_datapath("wes_npu_inverse0"), recipe), data)
        for recipe in ("layerwise", "dfq")
    }
    assert noise["dfq"].outputs["d"] > noise["layerwise"].outputs["d"] + 10
