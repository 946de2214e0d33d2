"""SPIQ: the function is kept, ranges become even, and what would cost more than it gains is left alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import npusim
from npusim import reference
from npusim.compiler.passes.activation_ranges import ActivationRanges
from npusim.compiler.passes.correct_bias import CorrectBias
from npusim.compiler.passes.fold_batch_norm import FoldBatchNorm
from npusim.compiler.passes.fuse_activations import FuseActivations
from npusim.compiler.passes.quantize_weights import QuantizeWeights
from npusim.compiler.passes.spiq import Route, Spiq
from npusim.compiler.recipe import Recipe, load_recipe
from npusim.datapath import Datapath, load_datapath
from npusim.layers.base import Layer
from npusim.layers.batch_norm import BatchNorm
from npusim.layers.conv2d import Conv2d
from npusim.layers.depthwise_conv2d import DepthwiseConv2d
from npusim.layers.relu import Relu
from npusim.network import Network
from npusim.simulator import dequantize
from tests.compiler.networks import BYTES, images, residual, state
from tests.compiler.networks import network as net_of
from tests.compiler.test_data_free_passes import answers, prepared

PER_CHANNEL = load_datapath("wes_npu_per_channel")
PADS = ((1, 1), (1, 1))


def ready() -> Any:
    found = prepared(Relu)
    return found.with_(network=found.network.replace(preprocess=BYTES))


def uneven(depthwise: bool, gains: float, seed: int = 0, weights: float = 0.0) -> Network:
    """A convolution whose channels differ in range by their batch norm, and one that reads them.

    `weights` says how much smaller the second one's weights are where channels are larger.
    """
    rng = np.random.default_rng(seed)
    spread = np.exp(rng.normal(0, gains, 16))
    reading: Layer = Conv2d(
        name="b", inputs=("ar",), weights=rng.normal(size=(8, 1, 1, 16)) * spread**-weights
    )
    if depthwise:
        reading = DepthwiseConv2d(
            name="b", inputs=("ar",), weights=rng.normal(size=(16, 3, 3, 1)), padding=PADS
        )
    return net_of(
        [
            Conv2d(name="a", inputs=("x",), weights=rng.normal(size=(16, 3, 3, 3)), padding=PADS),
            BatchNorm(
                name="an",
                inputs=("a",),
                gamma=spread,
                beta=spread * rng.normal(0.5, 0.3, 16),
                mean=np.zeros(16),
                variance=np.full(16, 9.0),
            ),
            Relu(name="ar", inputs=("an",)),
            reading,
        ],
        ["b"],
    )


def after(
    net: Network,
    pass_: Spiq,
    *,
    bits: int | None = None,
    weight_bits: int | None = None,
    datapath: Datapath | None = None,
) -> Any:
    """The state after the pass and the one before, with what comes behind it."""
    scheme = "shift_scaler" if datapath is None else "per_channel"
    found = FuseActivations().run(FoldBatchNorm().run(state(net, datapath or load_datapath("wes_npu"))))
    ahead = (
        ActivationRanges(method="data_free", bits=bits),
        QuantizeWeights(scheme=scheme, bits=weight_bits),  # type: ignore[arg-type, call-arg]
        CorrectBias(),
    )
    return pass_.run(found.with_(ahead=ahead)), found.with_(ahead=ahead)


@pytest.mark.parametrize("routes", [("real",), ("power_of_two",)])
def test_the_function_stays_and_ranges_become_even(routes: Any) -> None:
    before = ready()
    folded = Spiq(alphas=(1.0,), routes=routes, guard=False, unknown="fold").run(before)
    wanted = answers(before.network)
    np.testing.assert_allclose(answers(folded.network), wanted, atol=1e-9 * np.abs(wanted).max())
    assert folded.network != before.network
    for name in ("ar", "br"):
        mean, sigma = folded.moments[name].gaussian
        bounds = np.maximum(mean + 6 * sigma, 0)
        bounds = bounds[bounds > 0]
        assert bounds.max() / bounds.min() < (1 + 1e-9 if routes == ("real",) else 2)
        if routes == ("power_of_two",):
            assert (np.frexp(folded.factors[name])[0] == 0.5).all()


def test_branches_share_their_scales() -> None:
    """The add of the residual block: both operands and the sum have one vector."""
    folded = Spiq(guard=False, unknown="fold").run(ready())
    np.testing.assert_array_equal(folded.factors["cn"], folded.factors["sum"])
    np.testing.assert_array_equal(folded.factors["dr"], folded.factors["sum"])


def test_into_a_depthwise_layer_it_pays() -> None:
    """Its filters are scaled whole, and the shift scaler undoes that."""
    folded, _ = after(uneven(depthwise=True, gains=1.2), Spiq())
    assert folded.factors["ar"].max() / folded.factors["ar"].min() > 2


def test_where_the_spread_would_hurt_the_weights_it_is_left_alone() -> None:
    """A layer that sums channels, with few weight codes (algorithms.md 6.5); not if activations have few."""
    alone, before = after(uneven(depthwise=False, gains=1.2), Spiq(alphas=(1.0,)), weight_bits=4)
    assert alone.network == before.network
    assert any("0 of 1 groups" in note for note in alone.notes)
    narrow, _ = after(uneven(depthwise=False, gains=1.2), Spiq(alphas=(1.0,)), bits=4, weight_bits=4)
    assert "ar" in narrow.factors
    forced, _ = after(uneven(depthwise=False, gains=1.2), Spiq(alphas=(1.0,), guard=False), weight_bits=4)
    assert "ar" in forced.factors


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("weight_bits", [4, 8])
def test_the_guard_chooses_what_is_best_as_integers(seed: int, weight_bits: int) -> None:
    """Within half a dB of the best of all that it chooses from, each measured."""
    net = uneven(depthwise=False, gains=1.2, seed=seed)

    def measured(*spiq: Spiq) -> float:
        recipe = load_recipe("spiq")
        passes = [p.replace(bits=weight_bits) if isinstance(p, QuantizeWeights) else p for p in recipe.passes]
        at = next(index for index, p in enumerate(passes) if isinstance(p, Spiq))
        return sqnr(recipe.replace(passes=(*passes[:at], *spiq, *passes[at + 1 :])), net)

    single = [Spiq(alphas=(alpha,), routes=(route,), guard=False) for alpha in (0.5, 1.0) for route in Route]
    assert measured(Spiq()) > max(measured(), *(measured(one) for one in single)) - 0.5


def test_where_weights_are_small_for_large_channels_it_pays_at_8_bits() -> None:
    folded, _ = after(uneven(depthwise=False, gains=1.2, weights=1.0), Spiq())
    assert "ar" in folded.factors


def test_without_statistics_of_a_batch_norm_it_is_left_alone() -> None:
    net = uneven(depthwise=True, gains=1.2)
    bare = FoldBatchNorm().run(state(net)).network
    left, before = after(bare, Spiq())
    assert left.network == before.network
    folded, _ = after(bare, Spiq(unknown="fold", guard=False))
    assert folded.network != before.network


def test_multipliers_per_channel_hold_the_producers_part() -> None:
    """The producer's codes stay, its scales are divided by the channel's."""
    folded, before = after(uneven(True, 1.2), Spiq(routes=("real",), guard=False), datapath=PER_CHANNEL)
    codes = [
        QuantizeWeights(scheme="per_channel").run(  # type: ignore[call-arg]
            ActivationRanges(method="data_free").run(found)
        )
        for found in (before, folded)
    ]
    plain, scaled = (found.weights["a"] for found in codes)
    np.testing.assert_array_equal(scaled.codes, plain.codes)
    np.testing.assert_allclose(scaled.scales * folded.factors["ar"], plain.scales, rtol=1e-12)


def test_the_inverse_shift_holds_powers_of_two() -> None:
    """With one multiplier: a depthwise reader's codes stay where its layer's scale does."""
    net = uneven(depthwise=True, gains=1.2)
    even = net.replace(
        layers=tuple(
            layer.replace(weights=np.where(np.arange(9).reshape(3, 3, 1) == 4, 1.0, layer.weights / 9))
            if layer.name == "b"
            else layer
            for layer in net.layers
        )
    )
    folded, before = after(even, Spiq(routes=(Route.POWER_OF_TWO,), alphas=(1.0,), guard=False))
    plain, scaled = (
        QuantizeWeights(scheme="shift_scaler")
        .run(  # type: ignore[call-arg]
            ActivationRanges(method="data_free").run(found)
        )
        .weights["b"]
        for found in (before, folded)
    )
    np.testing.assert_array_equal(scaled.codes, plain.codes)
    shifts = np.log2(folded.factors["ar"].min() / folded.factors["ar"])
    np.testing.assert_array_equal(
        np.diff(scaled.shifts - plain.shifts), np.diff(-np.log2(folded.factors["ar"]))
    )
    assert shifts.min() < -1


def sqnr(recipe: Recipe, net: Network) -> float:
    data = images(12)
    program = npusim.compile(net, "wes_npu", recipe)
    (name,) = net.outputs
    made = dequantize(program, name, npusim.simulate(program, data).outputs[name])
    wanted = reference.run(net, {"x": data}, dtype="float64")[name]
    return float(10 * np.log10(np.sum(wanted**2) / np.sum((wanted - made) ** 2)))


def narrowed(recipe: Recipe, bits: int, *, spiq: bool) -> Recipe:
    passes = [p.replace(bits=bits) if isinstance(p, ActivationRanges) else p for p in recipe.passes]
    return recipe.replace(passes=tuple(p for p in passes if spiq or not isinstance(p, Spiq)))


@pytest.mark.parametrize("bits", [4, 6])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_fewer_codes_go_further_as_integers(bits: int, seed: int) -> None:
    net = uneven(depthwise=True, gains=1.5, seed=seed)
    recipe = load_recipe("spiq")
    assert sqnr(narrowed(recipe, bits, spiq=True), net) > sqnr(narrowed(recipe, bits, spiq=False), net) + 1.5


@pytest.mark.parametrize("bits", [4, 8])
def test_a_residual_network_compiles_and_stays_itself(bits: int) -> None:
    net = residual()
    recipe = load_recipe("spiq")
    assert sqnr(narrowed(recipe, bits, spiq=True), net) > sqnr(narrowed(recipe, bits, spiq=False), net) - 1.5
