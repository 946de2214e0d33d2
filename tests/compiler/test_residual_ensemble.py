"""REx as an ensemble: exact to first order where the network is linear, told where it is not."""

from __future__ import annotations

import re

import numpy as np
import pytest

import npusim
from npusim import reference
from npusim.compiler.passes.fold_batch_norm import FoldBatchNorm
from npusim.compiler.passes.fuse_activations import FuseActivations
from npusim.compiler.passes.quantize_weights import QuantizeWeights
from npusim.compiler.passes.residual_ensemble import ResidualEnsemble, on_grid
from npusim.compiler.recipe import Recipe, load_recipe
from npusim.errors import InputError
from npusim.layers.add import Add
from npusim.layers.dense import Dense
from npusim.layers.relu import Relu
from npusim.layers.sigmoid import Sigmoid
from npusim.network import Network
from tests.compiler.networks import images, network, residual, some, state

DATA = np.random.default_rng(0).normal(size=(32, 6))


def chain(relu: bool) -> Network:
    """Two dense layers with a branch around the second; the ReLU between them is fused."""
    clip = (0.0, None) if relu else None
    return network(
        [
            Dense(name="a", inputs=("x",), weights=some(6, 6), bias=some(6), clip=clip),
            Dense(name="b", inputs=("a",), weights=some(6, 6, seed=1), bias=some(6, seed=1)),
            Add(name="y", inputs=("a", "b")),
        ],
        ["y"],
        shape=(6,),
        preprocess=None,
    )


def split(net: Network) -> Network:
    return ResidualEnsemble(bits=4).run(state(net)).network


def test_a_linear_network_lacks_only_the_product_of_both_residuals() -> None:
    net, ensemble = chain(relu=False), split(chain(relu=False))
    a, b = (layer.weights for layer in net.layers[:2])
    one_a, one_b = on_grid(a, 7, 15), on_grid(b, 7, 15)
    two_a, two_b = on_grid(a - one_a, 7, 15), on_grid(b - one_b, 7, 15)
    found = reference.run(ensemble, DATA, dtype="float64")["y"]
    h = DATA @ (one_a + two_a).T + some(6)
    exact = h + h @ (one_b + two_b).T + some(6, seed=1)
    dropped = DATA @ two_a.T @ two_b.T
    np.testing.assert_allclose(found, exact - dropped, atol=1e-9)


def test_a_relu_does_not_commute_with_the_sum() -> None:
    net, ensemble = chain(relu=True), split(chain(relu=True))
    real = reference.run(net, DATA)["y"]
    assert np.abs(reference.run(ensemble, DATA)["y"] - real).max() > 0.05


def test_streams_meet_before_a_layer_that_is_not_linear() -> None:
    layers = [*chain(relu=False).layers, Sigmoid(name="s", inputs=("y",)), Relu(name="r", inputs=("s",))]
    net = network(layers, ["r"], shape=(6,), preprocess=None)
    ensemble = split(net)
    assert [layer.name for layer in ensemble.layers if isinstance(layer, Sigmoid)] == ["s"]
    assert next(layer for layer in ensemble.layers if layer.name == "s").inputs == ("y.whole",)


def recipe(*, ensemble: bool) -> Recipe:
    passes = []
    for one in load_recipe("rex").passes:
        if one.kind == "residual_expansion":
            continue
        if one.kind == "activation_ranges" and ensemble:
            passes.append(ResidualEnsemble(bits=4))
        passes.append(one)
    return Recipe(name="e", title="e", passes=tuple(passes))


@pytest.mark.parametrize("datapath", ["wes_npu"])
def test_any_datapath_runs_it_and_the_program_tells_how_inexact_it_is(datapath: str) -> None:
    program = npusim.compile(residual(), datapath, recipe(ensemble=True), images(16))
    told = next(note for note in program.notes if note.startswith("two networks"))
    folded = FuseActivations().run(FoldBatchNorm().run(state(residual()))).network
    ensemble = split(folded)
    found = re.search(r"head ([-\d.]+) dB", told)
    assert found is not None
    real = reference.run(residual(), images(16))["head"]
    weights = {layer.name: layer for layer in folded.layers if hasattr(layer, "weights")}
    parts = {name: on_grid(layer.weights, 7, 15) for name, layer in weights.items()}
    both = {n: parts[n] + on_grid(weights[n].weights - parts[n], 7, 15) for n in weights}
    layers = [x.replace(weights=both[x.name]) if x.name in both else x for x in folded.layers]
    exact = reference.run(folded.replace(layers=tuple(layers)), images(16))["head"].astype(np.float64)
    noise = np.square(reference.run(ensemble, images(16))["head"] - exact).sum()
    assert float(found.group(1)) == pytest.approx(10 * np.log10(np.square(exact).sum() / noise), abs=0.06)
    alone = npusim.compile(residual(), datapath, recipe(ensemble=False), images(16))
    errors = [
        np.square(npusim.simulate(p, images(16)).dequantized["head"] - real).mean() for p in (program, alone)
    ]
    assert errors[0] < errors[1]


def test_it_goes_before_codes() -> None:
    made = state(chain(relu=True), calibration={"x": DATA})
    ranges = load_recipe("rex").passes[2].run(made)
    coded = QuantizeWeights(scheme="shift_scaler").run(ranges)
    with pytest.raises(InputError, match="goes before"):
        ResidualEnsemble().run(coded)
