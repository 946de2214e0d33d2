"""What a datapath does not compute at a network's end is left to the host, and said so."""

from __future__ import annotations

import numpy as np
import pytest

import npusim
from npusim import reference
from npusim.compiler.host_end import without_host_end
from npusim.datapath import load_datapath
from npusim.errors import InputError
from npusim.layers.base import Layer
from npusim.layers.dense import Dense
from npusim.layers.l2_normalization import L2Normalization
from npusim.layers.reshape import Reshape
from npusim.layers.softmax import Softmax
from npusim.network import Network, NetworkInput

WEIGHTS = np.random.default_rng(3).normal(size=(6, 4))
IMAGES = np.random.default_rng(4).normal(size=(32, 4))
LOGITS = Dense(name="logits", inputs=("x",), weights=WEIGHTS)


def network(*layers: Layer, outputs: tuple[str, ...]) -> Network:
    inputs = (NetworkInput(name="x", shape=(4,)),)
    return Network(name="net", inputs=inputs, layers=(LOGITS, *layers), outputs=outputs)


@pytest.mark.parametrize("kind", [Softmax, L2Normalization], ids=lambda kind: kind.kind)
def test_the_program_ends_before_it(kind: type[Softmax | L2Normalization]) -> None:
    whole = network(
        kind(name="last", inputs=("logits",)),
        Reshape(name="y", inputs=("last",), shape=(2, 3)),
        outputs=("y",),
    )
    program = npusim.compile(whole, "wes_npu", "wes", IMAGES)
    assert program.output_names == ("logits",)
    assert f"{kind.kind} last is left to the host: the program ends before it, with logits" in program.notes
    real = reference.run(whole, IMAGES)["y"].reshape(len(IMAGES), 6)
    integers = npusim.simulate(program, IMAGES).dequantized["logits"]
    assert (real.argmax(axis=1) == integers.argmax(axis=1)).mean() > 0.9


@pytest.mark.parametrize("kind", [Softmax, L2Normalization], ids=lambda kind: kind.kind)
def test_a_datapath_that_has_it_computes_it(kind: type[Softmax | L2Normalization]) -> None:
    whole = network(kind(name="y", inputs=("logits",)), outputs=("y",))
    program = npusim.compile(whole, "tflite", "per_channel", IMAGES)
    assert (program.steps[-1].kind, program.output_names) == (kind.kind, ("y",))
    real = reference.run(whole, IMAGES)["y"]
    integers = npusim.simulate(program, IMAGES).dequantized["y"]
    assert np.abs(integers - real).max() < 0.04


def test_outputs_that_are_the_same_are_one() -> None:
    shares = Softmax(name="shares", inputs=("logits",))
    ended, notes = without_host_end(network(shares, outputs=("logits", "shares")), load_datapath("wes_npu"))
    assert (ended.outputs, [layer.name for layer in ended.layers], len(notes)) == (("logits",), ["logits"], 1)


def test_inside_a_network_it_is_an_error() -> None:
    inside = network(
        Softmax(name="shares", inputs=("logits",)),
        Dense(name="y", inputs=("shares",), weights=WEIGHTS.T),
        outputs=("y",),
    )
    assert without_host_end(inside, load_datapath("wes_npu")) == (inside, ())
    with pytest.raises(InputError, match="runs on the host"):
        npusim.compile(inside, "wes_npu", "wes", IMAGES)
