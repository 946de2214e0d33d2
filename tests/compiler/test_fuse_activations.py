"""fuse_activations: the same function, with fewer layers where nobody looks in between."""

from __future__ import annotations

import numpy as np
import pytest

import npusim
from npusim import reference
from npusim.compiler.passes.fold_batch_norm import FoldBatchNorm
from npusim.compiler.passes.fuse_activations import FuseActivations
from npusim.layers.add import Add
from npusim.layers.clip import Clip
from npusim.layers.max_pool2d import MaxPool2d
from npusim.layers.relu import Relu
from npusim.layers.relu6 import Relu6
from npusim.network import Network
from tests.compiler.networks import conv, flat, images, network, norm, residual, state

C = conv("c", "x", 3, 5)
RELU = Relu(name="r", inputs=("c",))

FUSED: dict[str, tuple[Network, tuple[float | None, float | None]]] = {
    "relu": (network([C, RELU], ["r"]), (0.0, None)),
    "relu6": (network([C, Relu6(name="r", inputs=("c",))], ["r"]), (0.0, 6.0)),
    "clip": (network([C, Clip(name="r", inputs=("c",), low=-0.25, high=0.5)], ["r"]), (-0.25, 0.5)),
    "add": (network([Add(name="c", inputs=("x", "x")), RELU], ["r"]), (0.0, None)),
}
LEFT: dict[str, Network] = {
    "two readers": network([C, RELU, MaxPool2d(name="p", inputs=("c",), kernel=(2, 2))], ["r", "p"]),
    "an output": network([C, RELU], ["c", "r"]),
    "behind a pool": network(
        [C, MaxPool2d(name="p", inputs=("c",), kernel=(2, 2)), Relu(name="r", inputs=("p",))], ["r"]
    ),
    "of the input": network([Relu(name="r", inputs=("x",)), conv("c", "r", 3, 2)], ["c"]),
    "clipped already": network([C.replace(clip=(-1.0, 1.0)), RELU], ["r"]),
}
CHAIN = network([C, RELU, Relu6(name="r6", inputs=("r",))], ["r6"])


def fused(net: Network) -> Network:
    return FuseActivations().run(state(net)).network


@pytest.mark.parametrize(
    "net", [*(net for net, _ in FUSED.values()), *LEFT.values(), CHAIN, residual(), flat()]
)
def test_the_function_stays(net: Network) -> None:
    folded = FoldBatchNorm().run(state(net)).network
    expected = reference.run(folded, images(), dtype="float64")
    made = reference.run(fused(folded), images(), dtype="float64")
    assert expected.keys() == made.keys()
    for tensor, values in expected.items():
        np.testing.assert_array_equal(made[tensor], values)


@pytest.mark.parametrize("name", FUSED)
def test_an_activation_nobody_else_sees_through_is_fused(name: str) -> None:
    net, bounds = FUSED[name]
    (layer,) = fused(net).layers
    assert layer.name == "c"
    assert layer.outputs == ("r",)
    assert layer.model_dump()["clip"] == bounds


@pytest.mark.parametrize("name", LEFT)
def test_any_other_stays(name: str) -> None:
    assert fused(LEFT[name]) == LEFT[name]


def test_of_two_activations_the_first_is_fused() -> None:
    layers = fused(CHAIN).layers
    assert [layer.name for layer in layers] == ["c", "r6"]
    program = npusim.compile(CHAIN, "wes_npu", "wes", images())
    real = reference.run(CHAIN, images(), dtype="float64")["r6"]
    made = npusim.simulate(program, images()).dequantized["r6"]
    scale = program.real.tensors["r6"].scale
    assert np.abs(made - real).max() < 4 * scale


def test_moments_follow_the_activation() -> None:
    net = network([C, norm("bn", "c", 5), Relu6(name="r", inputs=("bn",))], ["r"])
    folded = FoldBatchNorm().run(state(net))
    after = FuseActivations().run(folded)
    assert after.moments.keys() == {"r"}
    expected = folded.moments["bn"].clipped(0.0, 6.0)
    np.testing.assert_array_equal(after.moments["r"].mean, expected.mean)
    np.testing.assert_array_equal(after.moments["r"].variance, expected.variance)
