"""Networks and programs go to disk and come back equal, whatever is in them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import npusim
from npusim.layers.add import Add
from npusim.layers.base import Layer
from npusim.layers.clip import Clip
from npusim.layers.concat import Concat
from npusim.layers.conv2d import Conv2d
from npusim.layers.dense import Dense
from npusim.layers.flatten import Flatten
from npusim.layers.global_avg_pool import GlobalAvgPool
from npusim.layers.max_pool2d import MaxPool2d
from npusim.layers.relu import Relu
from npusim.network import Network
from npusim.preprocess import ChannelOrder, Preprocess
from tests.compiler.networks import images, network, norm


@st.composite
def networks(draw: st.DrawFn) -> Network:
    """A few layers on top of each other, with branches that meet again."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    layers: list[Layer] = []
    tensors: dict[str, tuple[int, ...]] = {"x": (6, 6, 3)}
    for index in range(draw(st.integers(1, 6))):
        name = f"layer{index}"
        source = draw(st.sampled_from(list(tensors)))
        layers.append(_layer(draw, rng, dtype, name, source, tensors))
        layer = layers[-1]
        output = layer.outputs[0]
        tensors[output] = layer.output_shapes([tensors[name] for name in layer.inputs])[0]
    outputs = draw(
        st.lists(st.sampled_from([layer.outputs[0] for layer in layers]), min_size=1, max_size=2, unique=True)
    )
    preprocess = draw(
        st.sampled_from(
            [
                Preprocess(mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375)),
                Preprocess(mean=(0.0,), std=(255.0,), channel_order=ChannelOrder.BGR),
            ]
        )
    )
    made = network(layers, outputs, preprocess=preprocess)
    shuffled = draw(st.permutations(made.layers))
    return made.replace(layers=tuple(shuffled), notes=("a note: with 'quotes'",), source="drawn")


def _layer(
    draw: Any, rng: Any, dtype: Any, name: str, source: str, tensors: dict[str, tuple[int, ...]]
) -> Layer:
    shape = tensors[source]
    values = lambda *sizes: rng.normal(size=sizes).astype(dtype)  # noqa: E731
    channels, outputs = shape[-1], draw(st.sampled_from([1, 5, 70]))
    both = {"name": name, "inputs": (source,)}
    choices: list[Any] = [
        lambda: Relu(**both, output=f"{name}.out"),
        lambda: Clip(**both, low=-1.5),
        lambda: Add(name=name, inputs=(source, source), clip=(0.0, None)),
        lambda: Concat(name=name, inputs=(source, source)),
        lambda: norm(name, source, channels),
    ]
    if len(shape) == 3:
        weights = values(outputs, 3, 2, channels)
        choices += [
            lambda: Conv2d(**both, weights=weights, bias=values(outputs), padding=((1, 1), (1, 0))),
            lambda: MaxPool2d(**both, kernel=(1, 1)),
            lambda: GlobalAvgPool(**both),
            lambda: Flatten(**both),
        ]
    else:
        choices.append(lambda: Dense(**both, weights=values(outputs, channels)))
    layer: Layer = draw(st.sampled_from(choices))()
    return layer


@settings(max_examples=20)
@given(networks())
def test_networks_and_their_programs_come_back_equal(made: Network) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.yaml"
        made.save(path)
        again = npusim.load_network(path)
        assert again == made
        again.save(Path(folder) / "again.yaml")
        text = path.read_text(encoding="utf-8").replace("net.h5", "again.h5")
        assert (Path(folder) / "again.yaml").read_text(encoding="utf-8") == text
        program = npusim.compile(made, "wes_npu", "wes", images(2))
        program.save(Path(folder) / "prog.yaml")
        loaded = npusim.load_program(Path(folder) / "prog.yaml")
        assert loaded == program
        np.testing.assert_array_equal(
            npusim.simulate(loaded, images(1)).outputs[made.outputs[0]],
            npusim.simulate(program, images(1)).outputs[made.outputs[0]],
        )
