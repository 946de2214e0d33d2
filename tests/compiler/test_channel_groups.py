"""channel_groups: which channels can be scaled, and which only together (algorithms.md 6.4)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npusim import reference
from npusim.compiler.chains import scale_inputs, scale_outputs
from npusim.compiler.channel_groups import ChannelGroup, find_groups
from npusim.layers.add import Add
from npusim.layers.avg_pool2d import AvgPool2d
from npusim.layers.base import Layer
from npusim.layers.concat import Concat
from npusim.layers.conv2d import Conv2d
from npusim.layers.dense import Dense
from npusim.layers.depthwise_conv2d import DepthwiseConv2d
from npusim.layers.flatten import Flatten
from npusim.layers.mac_layer import MacLayer
from npusim.layers.max_pool2d import MaxPool2d
from npusim.layers.pad import Pad
from npusim.layers.relu import Relu
from npusim.layers.relu6 import Relu6
from npusim.layers.sigmoid import Sigmoid
from npusim.layers.sub import Sub
from npusim.network import Network
from tests.compiler.networks import network, some


def one(name: str, of: str, inputs: int, outputs: int, **changes: Any) -> Conv2d:
    return Conv2d(name=name, inputs=(of,), weights=some(outputs, 1, 1, inputs), bias=some(outputs), **changes)


def branching() -> Network:
    """Adds, a concat, pools, pads and a flatten; two layers read what the concat makes."""
    return network(
        [
            one("a", "x", 3, 4, clip=(0.0, None)),
            DepthwiseConv2d(name="b", inputs=("a",), weights=some(4, 3, 3, 1), padding=((1, 1), (1, 1))),
            Add(name="sum", inputs=("a", "b"), clip=(0.0, None)),
            MaxPool2d(name="pool", inputs=("sum",), kernel=(2, 2), stride=(2, 2)),
            one("c", "pool", 4, 2),
            Sub(name="less", inputs=("pool", "pool")),
            Concat(name="both", inputs=("pool", "c", "less")),
            AvgPool2d(name="mean", inputs=("both",), kernel=(2, 2)),
            Pad(name="pad", inputs=("mean",), pads=((1, 0), (0, 1), (0, 0))),
            one("d", "pad", 10, 3, clip=(0.0, None)),
            one("e", "both", 10, 3, clip=(0.0, 6.0)),
            Flatten(name="flat", inputs=("d",)),
            Dense(name="g", inputs=("flat",), weights=some(2, 27)),
            Dense(name="h", inputs=("flat",), weights=some(2, 27, seed=4)),
            one("i", "e", 3, 2),
        ],
        ["g", "h", "i"],
    )


def scaled(net: Network, groups: list[ChannelGroup], scales: list[npt.NDArray[np.float64]]) -> Network:
    """Every tensor's channels divided by its scales."""
    of = {
        name: group.of(name, own) for group, own in zip(groups, scales, strict=True) for name in group.places
    }

    def folded(layer: Layer) -> Layer:
        if isinstance(layer, MacLayer):
            layer = scale_outputs(layer, 1 / of.get(layer.outputs[0], np.ones(layer.output_channels)))
            if layer.inputs[0] in of:
                layer = scale_inputs(layer, of[layer.inputs[0]])
        return layer

    return net.replace(layers=tuple(folded(layer) for layer in net.layers))


@given(st.integers(0, 1000))
@settings(max_examples=20)
def test_any_scales_of_a_group_keep_the_function(seed: int) -> None:
    net = branching()
    groups, rng = find_groups(net), np.random.default_rng(seed)
    scales = [np.exp2(rng.uniform(-4, 0, group.size)) for group in groups]
    data = {"x": rng.normal(size=(3, 6, 6, 3))}
    before = reference.run(net, data, dtype="float64")
    after = reference.run(scaled(net, groups, scales), data, dtype="float64")
    for name in net.outputs:
        np.testing.assert_allclose(after[name], before[name], atol=1e-9 * np.abs(before[name]).max())


def test_what_is_tied_and_what_is_free() -> None:
    net = branching()
    first, last = find_groups(net)
    assert first.size == 6  # four channels of a, b, their sum and its pool; two of c
    assert (first.producers, first.consumers) == (("a", "b", "c"), ("b", "c", "d", "e"))
    np.testing.assert_array_equal(first.places["b"], first.places["a"])
    expected = np.concatenate([first.places["pool"], first.places["c"], first.places["less"]])
    np.testing.assert_array_equal(first.places["both"], expected)
    assert last.producers == ("d",)
    assert last.consumers == ("g", "h")
    np.testing.assert_array_equal(last.places["flat"], np.tile(last.places["d"], 9))
    # x is an input; g, h and i are outputs; the bound of e does not commute with scales
    assert {"x", "e", "g", "h", "i"}.isdisjoint({*first.places, *last.places})


@pytest.mark.parametrize(
    "holder",
    [
        Sigmoid(name="z", inputs=("b",)),
        Relu6(name="z", inputs=("b",)),
        Pad(name="z", inputs=("b",), pads=((0, 0), (0, 0), (0, 2))),
        Pad(name="z", inputs=("b",), pads=((1, 0), (0, 0), (0, 0)), value=1.0),
        Add(name="z", inputs=("b", "x")),
        Concat(name="z", inputs=("b", "x")),
    ],
)
def test_what_does_not_commute_with_scales_holds_what_it_touches(holder: Layer) -> None:
    net = network([one("a", "x", 3, 3), Relu(name="r", inputs=("a",)), one("b", "r", 3, 3), holder], ["z"])
    (group,) = find_groups(net)
    assert set(group.places) == {"a", "r"}


def test_held_channels_of_a_concat_leave_the_others_free() -> None:
    net = network(
        [one("a", "x", 3, 4), Concat(name="both", inputs=("x", "a")), one("b", "both", 7, 2)], ["b"]
    )
    (group,) = find_groups(net)
    np.testing.assert_array_equal(group.of("both", np.full(4, 0.5)), [1, 1, 1, 0.5, 0.5, 0.5, 0.5])
