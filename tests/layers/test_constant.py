"""constant: float meaning for any batch, integers that follow it, what is refused."""

from __future__ import annotations

import numpy as np
import pytest

import npusim
from npusim import reference
from npusim.errors import InputError
from npusim.layers.add import Add
from npusim.layers.constant import Constant
from npusim.layers.dense import Dense
from npusim.network import Network, NetworkInput

VALUES = np.array([[0.25, -3.0], [1.5, 0.0]])
IMAGES = np.random.default_rng(2).uniform(-1, 1, (40, 2, 2))
NETWORK = Network(
    name="embedded",
    inputs=(NetworkInput(name="x", shape=(2, 2)),),
    layers=(
        Dense(name="mix", inputs=("x",), weights=np.array([[1.0, 0.5], [-0.25, 2.0]])),
        Constant(name="places", values=VALUES),
        Add(name="y", inputs=("mix", "places")),
    ),
    outputs=("y",),
)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_image_gets_the_same(dtype: str) -> None:
    made = reference.run(NETWORK, IMAGES, dtype=dtype)["y"]  # type: ignore[arg-type]
    assert made.dtype == dtype
    exact = IMAGES @ np.array([[1.0, 0.5], [-0.25, 2.0]]).T + VALUES
    np.testing.assert_allclose(made, exact, atol=1e-6 if dtype == "float32" else 1e-12)


@pytest.mark.parametrize("recipe", ["wes", "wes_ibc"])
def test_integers_follow_the_float(recipe: str) -> None:
    program = npusim.compile(NETWORK, "wes_npu", recipe, IMAGES)
    step = next(step for step in program.steps if step.name == "places")
    scale = program.real.tensors["places"].scale
    stored = program.real.tensors["places"].dequantize(step.codes)  # type: ignore[attr-defined]
    assert np.abs(stored - VALUES).max() <= scale / 2 * (1 + 1e-9)
    made = npusim.simulate(program, IMAGES).dequantized["y"]
    assert np.abs(made - reference.run(NETWORK, IMAGES)["y"]).max() < 0.06


def test_it_reads_nothing() -> None:
    with pytest.raises(InputError, match="reads nothing"):
        Constant(name="y", inputs=("x",), values=VALUES).output_shapes([(2, 2)])
