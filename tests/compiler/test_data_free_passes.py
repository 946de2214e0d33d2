"""DFQ's passes: functions are preserved, ranges are equal, means are kept (algorithms.md 2, 8.4)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from npusim import load_datapath, reference
from npusim.compiler.base import Compilation
from npusim.compiler.chains import find_chains, input_ranges, output_ranges
from npusim.compiler.passes.absorb_bias import AbsorbBias
from npusim.compiler.passes.correct_bias import CorrectBias, ExpectedInputs
from npusim.compiler.passes.equalize import Equalize
from npusim.compiler.passes.fold_batch_norm import FoldBatchNorm
from npusim.compiler.passes.fuse_activations import FuseActivations
from npusim.compiler.passes.open_relu6 import Opening, OpenRelu6
from npusim.datapath.load import change_datapath
from npusim.errors import InputError
from npusim.layers.add import Add
from npusim.layers.base import Layer
from npusim.layers.batch_norm import BatchNorm
from npusim.layers.conv2d import Conv2d
from npusim.layers.dense import Dense
from npusim.layers.depthwise_conv2d import DepthwiseConv2d
from npusim.layers.flatten import Flatten
from npusim.layers.mac_layer import MacLayer
from npusim.layers.max_pool2d import MaxPool2d
from npusim.layers.relu import Relu
from npusim.layers.relu6 import Relu6 as Relu6Layer
from npusim.moments import Moments
from npusim.network import Network
from npusim.quantization import QuantizedWeights

WES = load_datapath("wes_npu")
CAPPED = change_datapath(WES, {"fields.high.per": "channel"}, "capped")
PADS = ((1, 1), (1, 1))
Images = npt.NDArray[np.float64]


def network(activation: type[Layer], seed: int = 0) -> Network:
    """conv - depthwise - conv with batch norms, then a residual block, pool, flatten and dense."""
    rng = np.random.default_rng(seed)

    def norm(name: str, reads: str, channels: int) -> BatchNorm:
        return BatchNorm(
            name=name,
            inputs=(reads,),
            gamma=rng.uniform(0.3, 2, channels) * rng.choice([-1, 1], channels),
            beta=rng.normal(1, 1, channels),
            mean=rng.normal(0, 1, channels),
            variance=rng.uniform(0.5, 4, channels),
            epsilon=1e-3,
        )

    def spread(*shape: int) -> Images:
        gains = np.exp(rng.normal(0, 1.2, (shape[0], *[1] * (len(shape) - 1))))
        return rng.normal(0, 1, shape) * gains

    layers: list[Layer] = [
        Conv2d(name="a", inputs=("x",), weights=spread(6, 3, 3, 2), padding=PADS),
        norm("an", "a", 6),
        activation(name="ar", inputs=("an",)),
        DepthwiseConv2d(name="b", inputs=("ar",), weights=spread(6, 3, 3, 1), padding=PADS),
        norm("bn", "b", 6),
        activation(name="br", inputs=("bn",)),
        Conv2d(name="c", inputs=("br",), weights=spread(4, 1, 1, 6)),
        norm("cn", "c", 4),
        Conv2d(name="d", inputs=("cn",), weights=spread(4, 1, 1, 4)),
        norm("dn", "d", 4),
        Relu(name="dr", inputs=("dn",)),
        Add(name="sum", inputs=("cn", "dr")),
        Conv2d(name="e", inputs=("sum",), weights=spread(5, 1, 1, 4)),
        Relu(name="er", inputs=("e",)),
        MaxPool2d(name="p", inputs=("er",), kernel=(2, 2), stride=(2, 2)),
        Flatten(name="f", inputs=("p",)),
        Dense(name="g", inputs=("f",), weights=spread(3, 4 * 4 * 5)),
    ]
    return Network(name="n", inputs=({"name": "x", "shape": (8, 8, 2)},), layers=layers, outputs=("g",))


def prepared(activation: type[Layer], datapath: object = WES) -> Compilation:
    state = Compilation(network(activation), datapath)  # type: ignore[arg-type]
    return FuseActivations().run(FoldBatchNorm().run(state))


def images(count: int = 16) -> Images:
    return np.random.default_rng(1).normal(0, 1, (count, 8, 8, 2))


def answers(net: Network) -> Images:
    return reference.run(net, images(), dtype="float64")["g"]


def capped() -> Compilation:
    return OpenRelu6(mode=Opening.CAP).run(prepared(Relu6Layer, CAPPED))


@pytest.mark.parametrize("state", [prepared(Relu), prepared(Relu6Layer), capped()])
def test_equalizing_keeps_the_function(state: Compilation) -> None:
    equalized = Equalize().run(state)
    before = answers(state.network)
    np.testing.assert_allclose(answers(equalized.network), before, atol=1e-9 * np.abs(before).max())


def test_chains_end_at_branches_and_reach_over_pools_and_flatten() -> None:
    chains = find_chains(prepared(Relu).network)
    assert [(chain.producer, chain.consumer, chain.repeats) for chain in chains] == [
        ("a", "b", 1),
        ("b", "c", 1),
        ("e", "g", 16),
    ]


def test_both_sides_have_equal_ranges_afterwards() -> None:
    equalized = Equalize(tolerance=1e-6, sweeps=200).run(prepared(Relu))
    layers = {layer.name: layer for layer in equalized.network.layers}
    for chain in find_chains(equalized.network):
        producer, consumer = layers[chain.producer], layers[chain.consumer]
        assert isinstance(producer, MacLayer)
        assert isinstance(consumer, MacLayer)
        first = output_ranges(producer)
        second = input_ranges(consumer, len(first) * chain.repeats).reshape(chain.repeats, -1).max(axis=0)
        np.testing.assert_allclose(first, second, rtol=1e-4)


def test_equalizing_twice_changes_nothing() -> None:
    once = Equalize().run(prepared(Relu))
    twice = Equalize().run(once)
    for before, after in zip(once.network.layers, twice.network.layers, strict=True):
        if isinstance(before, MacLayer):
            np.testing.assert_allclose(after.weights, before.weights, rtol=0.01)


def test_factors_lead_back_to_the_given_network() -> None:
    state = prepared(Relu)
    equalized = Equalize().run(state)
    seen: list[dict[str, Images]] = [{}, {}]
    for net, tensors in zip((state.network, equalized.network), seen, strict=True):
        reference.run(net, images(), dtype="float64", observe=tensors.__setitem__)
    assert set(equalized.factors) == {"ar", "br", "er", "p", "f"}
    for name, values in seen[1].items():
        back = values * equalized.factors.get(name, 1.0)
        np.testing.assert_allclose(back, seen[0][name], rtol=1e-9, atol=1e-9)


def test_moments_follow_the_scales() -> None:
    state = prepared(Relu)
    equalized = Equalize().run(state)
    for name in ("ar", "br"):
        before, after = state.moments[name], equalized.moments[name]
        np.testing.assert_allclose(after.mean * equalized.factors[name], before.mean, rtol=1e-9)
        np.testing.assert_allclose(after.sigma * equalized.factors[name], before.sigma, rtol=1e-9)


def test_caps_keep_the_function_and_open_chains() -> None:
    state, opened = prepared(Relu6Layer, CAPPED), capped()
    np.testing.assert_array_equal(answers(opened.network), answers(state.network))
    assert [chain.producer for chain in find_chains(state.network)] == ["e"]
    assert [chain.producer for chain in find_chains(opened.network)] == ["a", "b", "e"]


def test_caps_move_with_the_scales() -> None:
    equalized = Equalize().run(capped())
    layer = next(layer for layer in equalized.network.layers if layer.name == "a")
    assert isinstance(layer, MacLayer)
    assert layer.caps is not None
    np.testing.assert_allclose(layer.caps * equalized.factors["ar"], 6.0)


def test_a_replaced_relu6_is_told_and_forgotten_by_the_moments() -> None:
    replaced = OpenRelu6(mode=Opening.REPLACE).run(prepared(Relu6Layer))
    assert replaced.notes == ("2 ReLU6 became ReLUs",)
    assert np.isinf(replaced.moments["ar"].high).all()


def test_caps_need_a_datapath_that_has_them() -> None:
    with pytest.raises(InputError, match="one upper clamp per layer"):
        OpenRelu6(mode=Opening.CAP).run(prepared(Relu6Layer))


def _two_layers(second: Layer) -> Compilation:
    rng = np.random.default_rng(3)
    first = Conv2d(
        name="a", inputs=("x",), weights=rng.normal(0, 1, (3, 1, 1, 2)), bias=np.array([50.0, 0.0, 40.0]),
        clip=(0.0, None),
    )  # fmt: skip
    net = Network(
        name="n", inputs=({"name": "x", "shape": (5, 5, 2)},), layers=(first, second), outputs=("b",)
    )
    mean, sigma = np.array([50.0, 0.0, 40.0]), np.array([2.0, 2.0, 2.0])
    return Compilation(net, WES, moments={"a": Moments.normal(mean, sigma).clipped(0.0, None)})


def test_absorbing_keeps_the_function_where_nothing_is_clipped() -> None:
    weights = np.random.default_rng(4).normal(0, 1, (2, 3, 3, 3))
    state = _two_layers(Conv2d(name="b", inputs=("a",), weights=weights))
    absorbed = AbsorbBias(sigmas=3.0).run(state)
    np.testing.assert_allclose(absorbed.offsets["a"], [44.0, 0.0, 34.0])
    x = np.random.default_rng(5).uniform(-1, 1, (4, 5, 5, 2))
    before = reference.run(state.network, x, dtype="float64")["b"]
    np.testing.assert_allclose(reference.run(absorbed.network, x, dtype="float64")["b"], before, rtol=1e-9)


def test_nothing_is_absorbed_into_padding() -> None:
    weights = np.ones((2, 3, 3, 3))
    state = _two_layers(Conv2d(name="b", inputs=("a",), weights=weights, padding=PADS))
    assert AbsorbBias().run(state).offsets == {}


def test_a_channel_that_its_cap_clips_keeps_its_bias() -> None:
    state = _two_layers(Conv2d(name="b", inputs=("a",), weights=np.ones((2, 1, 1, 3))))
    capped = state.network.layers[0].replace(caps=np.array([51.0, 51.0, 60.0]))
    state = state.with_(network=state.network.replace(layers=(capped, state.network.layers[1])))
    np.testing.assert_allclose(AbsorbBias().run(state).offsets["a"], [0.0, 0.0, 34.0])


def coarse(weights: Images) -> QuantizedWeights:
    scale = np.abs(weights).max() / 3
    codes = np.rint(weights / scale).astype(np.int8)
    return QuantizedWeights(codes, np.array([scale]), np.zeros(len(weights), np.int64))


def test_correction_takes_off_what_rounding_adds_to_the_mean() -> None:
    rng = np.random.default_rng(6)
    second = Dense(name="b", inputs=("a",), weights=rng.normal(0, 1, (4, 5)))
    first = Dense(name="a", inputs=("x",), weights=np.eye(5), clip=(0.0, None))
    net = Network(name="n", inputs=({"name": "x", "shape": (5,)},), layers=(first, second), outputs=("b",))
    mean, sigma = rng.normal(1, 1, 5), rng.uniform(0.5, 2, 5)

    state = Compilation(
        net.replace(preprocess={"mean": (0.0,), "std": (1.0,)}),
        WES,
        moments={"a": Moments.normal(mean, sigma).clipped(0.0, None)},
        weights={"a": coarse(np.eye(5)), "b": coarse(second.weights)},
    )
    corrected = next(layer for layer in CorrectBias().run(state).network.layers if layer.name == "b")
    assert isinstance(corrected, Dense)
    x = np.maximum(rng.normal(mean, sigma, (400_000, 5)), 0)
    wanted = (x @ second.weights.T).mean(axis=0)
    uncorrected = (x @ state.weights["b"].dequantized().T).mean(axis=0)
    got = uncorrected + corrected.real_bias
    assert np.abs(uncorrected - wanted).max() > 0.1
    np.testing.assert_allclose(got, wanted, atol=0.02)


def test_empirical_correction_keeps_means_of_the_images_themselves() -> None:
    """No normal distribution could know these inputs; their own mean does, exactly."""
    rng = np.random.default_rng(11)
    layer = Dense(name="b", inputs=("x",), weights=rng.normal(size=(4, 5)))
    net = Network(name="n", inputs=({"name": "x", "shape": (5,)},), layers=(layer,), outputs=("b",))
    images = rng.exponential(size=(64, 5)) ** 3
    weights = {"b": coarse(layer.weights)}
    state = Compilation(net, WES, {"x": images}, weights=weights)
    (corrected,) = CorrectBias(inputs=ExpectedInputs.CALIBRATION).run(state).network.layers
    assert isinstance(corrected, Dense)
    got = (images @ weights["b"].dequantized().T).mean(axis=0) + corrected.real_bias
    np.testing.assert_allclose(got, (images @ layer.weights.T).mean(axis=0), rtol=1e-5)
    with pytest.raises(InputError, match="needs calibration data"):
        CorrectBias(inputs=ExpectedInputs.CALIBRATION).run(state.with_(calibration=None))
