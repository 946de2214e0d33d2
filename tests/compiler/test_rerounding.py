"""compensate_errors and learn_rounding: sums of integer runs come nearer to float's."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import npusim
from npusim import reference
from npusim.compiler.input_moments import as_rows, input_moments
from npusim.compiler.passes.activation_ranges import ActivationRanges
from npusim.compiler.passes.compensate_errors import CompensateErrors
from npusim.compiler.passes.learn_rounding import LearnRounding
from npusim.compiler.passes.lower import Lower
from npusim.compiler.passes.quantize_weights import QuantizeWeights
from npusim.compiler.passes.residual_expansion import ResidualExpansion
from npusim.compiler.recipe import Recipe, load_recipe
from npusim.compiler.rerounding import Rerounding
from npusim.datapath import load_datapath
from npusim.demo import bundled
from npusim.errors import InputError
from npusim.files.data import open_data
from npusim.layers.conv2d import Conv2d
from npusim.layers.dense import Dense
from npusim.layers.depthwise_conv2d import DepthwiseConv2d
from npusim.layers.mac_layer import MacLayer
from npusim.program import Program
from npusim.quantization import Quantization
from npusim.simulator import dequantize
from tests.compiler.networks import images, network, residual, some, state

PADS = ((1, 0), (2, 1))
LAYERS = {
    "conv": Conv2d(
        name="c", inputs=("x",), weights=some(5, 3, 2, 4), padding=PADS, stride=(2, 1), dilation=(1, 2)
    ),
    "grouped": Conv2d(name="c", inputs=("x",), weights=some(6, 1, 3, 2), groups=2),
    "depthwise": DepthwiseConv2d(name="c", inputs=("x",), weights=some(8, 3, 3, 1), padding=PADS),
    "dense": Dense(name="c", inputs=("x",), weights=some(7, 4)),
}
Methods = pytest.mark.parametrize("method", [CompensateErrors, LearnRounding])


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
def test_moments_are_those_of_the_layers_own_sums(layer: MacLayer) -> None:
    """For any weights d: d @ products @ d is the mean square of the layer's sums with d, pixel by pixel."""
    rng = np.random.default_rng(0)
    codes = rng.integers(-128, 128, (3, 6, 7, 4)).astype(np.int8)
    reals = rng.normal(size=codes.shape)
    meaning = Quantization(0.05, -3)
    found = input_moments(layer, codes, reals, meaning, pixels=1000, batch=2)
    other = some(*layer.weights.shape, seed=9)

    def sums(x: Any, weights: Any) -> npt.NDArray[np.float64]:
        (made,) = layer.replace(weights=weights, bias=None).forward([x])
        return made.reshape(-1, layer.output_channels)

    exact, near = codes.astype(np.float64) + 3, reals / 0.05
    rows, others = as_rows(layer.weights, found), as_rows(other, found)
    square = np.einsum("grk,gkl,grl->gr", rows, found.products, rows).reshape(-1)
    np.testing.assert_allclose(square, (sums(exact, layer.weights) ** 2).mean(axis=0))
    crossed = np.einsum("grk,gkl,grl->gr", rows, found.crossed, others).reshape(-1)
    # real numbers are taken in units of 1/256 of a code
    np.testing.assert_allclose(
        crossed, (sums(exact, layer.weights) * sums(near, other)).mean(axis=0), rtol=0.01, atol=0.3
    )
    mean = np.einsum("grk,gk->gr", rows, found.codes).reshape(-1)
    np.testing.assert_allclose(mean, sums(exact, layer.weights).mean(axis=0), atol=1e-9)
    few = input_moments(layer, codes, reals, meaning, pixels=5, batch=2)
    assert few.count == 15
    assert found.count == len(sums(exact, other))


def quantized(net: Any, bits: int, data: Any) -> Any:
    ready = state(net, load_datapath("wes_npu"), calibration={"x": data})
    ready = ActivationRanges(method="min_max").run(ready)
    return QuantizeWeights(scheme="shift_scaler", bits=bits).run(ready)  # type: ignore[call-arg]


@Methods
@pytest.mark.parametrize("bits", [3, 4, 8])
@pytest.mark.parametrize("seed", [0, 1])
def test_the_error_of_sums_is_never_more_than_nearest_roundings(
    method: type[Rerounding], bits: int, seed: int
) -> None:
    """Of a first layer, on the calibration data, its mean apart: measured on sums of codes."""
    net = network([Conv2d(name="c", inputs=("x",), weights=some(8, 3, 3, 3, seed=seed))], ["c"])
    pixels = images(16, shape=(3, 3, 3), seed=seed)  # each twice along both axes: neighbours are alike
    data = reference.real_inputs(net, pixels.repeat(2, axis=1).repeat(2, axis=2))["x"]
    before = quantized(net, bits, data)
    chosen = method(damping=1e-6, follow_float=False).run(before)
    meaning = before.quantization["x"]
    codes = np.rint(data / meaning.scale) * meaning.scale

    def noise(found: Any) -> Any:
        error = found.weights["c"].dequantized() - net.layers[0].weights  # type: ignore[attr-defined]
        (made,) = net.layers[0].replace(weights=error).forward([codes])
        return made.var(axis=(0, 1, 2))

    first, then = noise(before), noise(chosen)
    assert (then <= first * (1 + 1e-4) + 1e-12).all()
    assert then.sum() < (0.9 if bits < 8 else 1.0) * first.sum()


@Methods
def test_learned_codes_are_neighbours_and_compensated_ones_stay_in_range(method: type[Rerounding]) -> None:
    net = residual_without_norms()
    before = quantized(net, 4, reference.real_inputs(net, images(8))["x"])
    after = method().run(before)
    for name, found in after.weights.items():
        worth = [float(found.channel_scale(o)) for o in range(found.outputs)]
        layer = next(layer for layer in net.layers if layer.name == name)
        scaled = layer.weights / np.reshape(worth, (-1, *[1] * (found.codes.ndim - 1)))  # type: ignore[attr-defined]
        assert np.abs(found.codes).max() <= 7
        np.testing.assert_array_equal(found.scales, before.weights[name].scales)
        np.testing.assert_array_equal(found.shifts, before.weights[name].shifts)
        if method is LearnRounding:
            assert (np.abs(found.codes - np.clip(scaled, -7, 7)) < 1).all()
    assert any("changed" in note for note in after.notes)
    Lower().run(after)


def residual_without_norms() -> Any:
    net = residual()
    kept = tuple(layer for layer in net.layers if layer.kind != "batch_norm")
    renamed = {"bn": "conv", "bn_dw": "dw"}
    return net.replace(
        layers=tuple(
            layer.replace(inputs=tuple(renamed.get(name, name) for name in layer.inputs)) for layer in kept
        )
    )


def digits(*extra: Any, bits: int) -> tuple[float, Program]:
    """SQNR of the bundled network's answers with weights of so many bits, on its test data."""
    base = load_recipe("wes")
    passes: list[Any] = []
    for one in base.passes:
        passes.append(one.replace(bits=bits) if isinstance(one, QuantizeWeights) else one)
        passes += extra if isinstance(one, QuantizeWeights) else ()
    net = npusim.load_network(bundled("digits.yaml"))
    with open_data(bundled("digits_calibration.h5")) as file:
        calibration = file.read(0, 64)
    with open_data(bundled("digits_test.h5")) as file:
        data = file.read(0, 100)
    program = npusim.compile(net, "wes_npu", base.replace(passes=tuple(passes)), calibration)
    (name,) = program.output_names
    made = dequantize(program, name, npusim.simulate(program, data).outputs[name])
    wanted = reference.run(net, data)[net.outputs[0]]
    return float(10 * np.log10(np.sum(wanted**2) / np.sum((wanted - made) ** 2))), program


@Methods
@pytest.mark.parametrize("bits", [3, 4])
def test_it_helps_few_bits_on_other_images(method: type[Rerounding], bits: int) -> None:
    assert digits(method(), bits=bits)[0] > digits(bits=bits)[0] + 1


@Methods
def test_what_it_needs(method: type[Rerounding]) -> None:
    net = network([Conv2d(name="c", inputs=("x",), weights=some(4, 1, 1, 3))], ["c"])
    ready = quantized(net, 8, reference.real_inputs(net, images(4))["x"])
    with pytest.raises(InputError, match="needs calibration data"):
        method().run(ready.with_(calibration=None))
    with pytest.raises(InputError, match="quantize_weights first"):
        method().run(ready.with_(weights={}))
    expanded = ResidualExpansion(orders=2).run(ready.with_(datapath=load_datapath("wes_npu_rex")))
    with pytest.raises(InputError, match="choose these first"):
        method().run(expanded)


def test_weights_changed_behind_it_are_refused() -> None:
    net = network([Conv2d(name="c", inputs=("x",), weights=some(4, 1, 1, 3))], ["c"])
    after = CompensateErrors().run(quantized(net, 4, reference.real_inputs(net, images(4))["x"]))
    moved = net.layers[0].replace(weights=net.layers[0].weights * 1.01)  # type: ignore[attr-defined]
    with pytest.raises(InputError, match="changed after they became codes"):
        Lower().run(after.with_(network=net.replace(layers=(moved,))))


def test_the_same_codes_for_any_number_of_threads() -> None:
    code = (
        "from tests.compiler.test_rerounding import *\n"
        "import hashlib\n"
        "found = b''\n"
        "for method in (CompensateErrors(sweeps=2), LearnRounding()):\n"
        "    _, program = digits(method, bits=4)\n"
        "    found += b''.join(s.weights.tobytes() for s in program.steps if hasattr(s, 'weights'))\n"
        "print(hashlib.sha256(found).hexdigest())\n"
    )
    found = set()
    for threads in ("1", "4"):
        names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, **dict.fromkeys(names, threads)},
            capture_output=True,
            text=True,
            check=True,
        )
        found.add(done.stdout)
    assert len(found) == 1


@pytest.mark.parametrize("name", ["w4_compensated", "w4_learned", "best_calibrated"])
def test_recipes_that_use_it_compile(name: str) -> None:
    recipe: Recipe = load_recipe(name)
    with open_data(bundled("digits_calibration.h5")) as file:
        data = file.read(0, 32)
    program = npusim.compile(npusim.load_network(bundled("digits.yaml")), "wes_npu", recipe, data)
    assert any("of the weight codes" in note for note in program.notes)
