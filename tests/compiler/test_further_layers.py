"""Networks of layers beyond the backbone compile by every recipe and stay near their float network."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import npusim
from npusim import reference
from npusim.compiler.parts import in_parts
from npusim.evaluate import evaluate
from npusim.layers.argmax import Argmax
from npusim.layers.base import Layer
from npusim.layers.conv2d import Conv2d
from npusim.layers.conv2d_transpose import Conv2dTranspose
from npusim.layers.dense import Dense
from npusim.layers.global_avg_pool import GlobalAvgPool
from npusim.layers.matmul import Matmul
from npusim.layers.maximum import Maximum
from npusim.layers.mean import Mean
from npusim.layers.mul import Mul
from npusim.layers.prelu import Prelu
from npusim.layers.relu import Relu
from npusim.layers.reshape import Reshape
from npusim.layers.resize import Interpolation, Resize
from npusim.layers.sigmoid import Sigmoid
from npusim.layers.sub import Sub
from npusim.layers.transpose import Transpose
from npusim.network import Network, NetworkInput
from npusim.steps.mac import MacStep

Floats = npt.NDArray[np.float64]


def some(*shape: int) -> Floats:
    rng = np.random.default_rng(list(shape))
    return rng.normal(size=shape) / np.sqrt(np.prod(shape[1:]))


def network(layers: list[Layer], outputs: tuple[str, ...]) -> Network:
    inputs = (NetworkInput(name="x", shape=(6, 6, 3)),)
    return Network(name="net", inputs=inputs, layers=tuple(layers), outputs=outputs)


def decoder() -> Network:
    """Squeeze-and-excite, a learned upsampling, a bilinear one, a prelu, elementwise layers."""
    return network(
        [
            Conv2d(name="conv", inputs=("x",), weights=some(8, 3, 3, 3), padding=((1, 1), (1, 1))),
            Prelu(name="act", inputs=("conv",), slope=np.linspace(-0.2, 0.7, 8)),
            GlobalAvgPool(name="squeeze", inputs=("act",), keep_dims=True),
            Conv2d(name="excite", inputs=("squeeze",), weights=some(8, 1, 1, 8)),
            Sigmoid(name="gate", inputs=("excite",)),
            Mul(name="gated", inputs=("act", "gate")),
            Conv2dTranspose(
                name="up",
                inputs=("gated",),
                weights=some(4, 3, 3, 8),
                bias=some(4),
                stride=(2, 2),
                padding=((1, 1), (1, 1)),
                output_padding=(1, 1),
            ),
            Relu(name="up_act", inputs=("up",)),
            Conv2d(name="side", inputs=("gated",), weights=some(4, 1, 1, 8)),
            Resize(name="wide", inputs=("side",), size=(12, 12), interpolation=Interpolation.BILINEAR),
            Maximum(name="most", inputs=("up_act", "wide")),
            Sub(name="difference", inputs=("most", "wide")),
        ],
        ("difference",),
    )


def attention() -> Network:
    """Rows of tokens: dense layers over the last axis, a product of two computed matrices, a mean."""
    return network(
        [
            Reshape(name="tokens", inputs=("x",), shape=(36, 3)),
            Dense(name="query", inputs=("tokens",), weights=some(8, 3)),
            Dense(name="key", inputs=("tokens",), weights=some(8, 3) * 1.5, bias=some(8)),
            Transpose(name="turned", inputs=("key",), permutation=(1, 0)),
            Matmul(name="scores", inputs=("query", "turned")),
            Mean(name="mean", inputs=("scores",), axes=(0,)),
            Dense(name="head", inputs=("mean",), weights=some(5, 36)),
        ],
        ("head",),
    )


IMAGES = np.random.default_rng(1).normal(size=(16, 6, 6, 3))


@pytest.mark.parametrize("recipe", ["layerwise", "per_channel", "wes", "wes_ibc"])
@pytest.mark.parametrize(
    ("made", "least"), [(decoder(), 22.0), (attention(), 22.0)], ids=["decoder", "attention"]
)
def test_stays_near_its_float_network(made: Network, least: float, recipe: str) -> None:
    datapath = "wes_npu_per_channel" if recipe == "per_channel" else "wes_npu"
    program = npusim.compile(made, datapath, recipe=recipe, calibration=IMAGES)
    quality = evaluate(made, program, [(IMAGES, None)])
    assert min(quality.outputs.values()) > least
    # Every layer of the float network is compared: taking layers apart loses none of its tensors.
    assert {step.tensor for step in quality.steps} == set(made.shapes) - {"x"} - fused(made, program)


def fused(made: Network, program: npusim.Program) -> set[str]:
    return {name for name in made.shapes if name not in program.tensors}


def test_only_the_fused_activation_disappears() -> None:
    program = npusim.compile(decoder(), "wes_npu", recipe="wes", calibration=IMAGES)
    assert fused(decoder(), program) == {"up"}


def test_ibc_corrects_each_phase_of_a_transposed_convolution() -> None:
    plain, corrected = (
        npusim.compile(decoder(), "wes_npu", recipe=recipe, calibration=IMAGES)
        for recipe in ("wes", "wes_ibc")
    )
    biases: list[dict[str, Any]] = [
        {step.name: step.bias for step in program.steps if isinstance(step, MacStep)}
        for program in (plain, corrected)
    ]
    changed = {name for name, bias in biases[0].items() if not np.array_equal(bias, biases[1][name])}
    assert {f"up.phase_{i}_{j}" for i in (0, 1) for j in (0, 1)} & changed


def test_prelu_in_parts_is_the_same_function() -> None:
    for shape, slope in (((6, 6, 3), [0.1, -0.5, 2.0]), ((36, 3), [0.1, -0.5, 2.0])):
        before = network(
            [
                Reshape(name="r", inputs=("x",), shape=shape),
                Prelu(name="y", inputs=("r",), slope=np.array(slope)),
            ],
            ("y",),
        )
        after = in_parts(before)
        assert [layer.kind for layer in after.layers][1:3] == ["relu", "clip"]
        for name, values in reference.run(before, IMAGES, dtype="float64").items():
            np.testing.assert_allclose(
                reference.run(after, IMAGES, dtype="float64")[name], values, rtol=1e-12
            )


def test_other_networks_are_left_alone() -> None:
    same = network([Prelu(name="y", inputs=("x",), slope=np.full(3, 0.25))], ("y",))
    assert in_parts(same) == same
    assert in_parts(attention()) is not None
    assert [layer.name for layer in in_parts(attention()).layers] == [
        layer.name for layer in attention().layers
    ]


def test_argmax_answers_with_indices() -> None:
    head = Conv2d(name="head", inputs=("x",), weights=some(4, 1, 1, 3))
    made = network([head, Argmax(name="y", inputs=("head",))], ("y",))
    program = npusim.compile(made, "wes_npu", recipe="wes", calibration=IMAGES)
    assert (program.outputs[0].scale, program.outputs[0].zero_point) == (1.0, 0)
    assert program.outputs[0].dtype == np.int32
    result = npusim.simulate(program, IMAGES)
    exact = reference.run(made, IMAGES)["y"]
    np.testing.assert_array_equal(result.dequantized["y"], result.outputs["y"])
    assert np.mean(exact == result.outputs["y"]) > 0.95
