"""Every layer against slow loops in float64; shapes, types, files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from npusim.errors import InputError
from npusim.files.array_model import same_values
from npusim.layers.avg_pool2d import AvgPool2d
from npusim.layers.base import Layer
from npusim.layers.constant import Constant
from npusim.layers.conv2d import Conv2d
from npusim.layers.depthwise_conv2d import DepthwiseConv2d
from npusim.layers.max_pool2d import MaxPool2d
from npusim.network import LAYERS, Network, NetworkInput, load_network
from tests.layers.cases import CASES, Shapes, X, some
from tests.layers.naive import evaluate

PAIR = st.tuples(st.integers(1, 3), st.integers(1, 3))
PADS = st.tuples(*[st.tuples(st.integers(0, 2), st.integers(0, 2))] * 2)

ELSEWHERE: set[type[Layer]] = {Constant}
"""It reads nothing: test_constant.py."""

every_layer = pytest.mark.parametrize(
    ("layer", "shapes", "made"), CASES, ids=[f"{case[0].kind}-{i}" for i, case in enumerate(CASES)]
)


def agree(layer: Layer, shapes: Shapes) -> tuple[int, ...]:
    """Compare with the loops in both float types; the output's shape."""
    (shape,) = layer.output_shapes(shapes)
    inputs = [some(2, *each, seed=index).astype(np.float64) for index, each in enumerate(shapes)]
    says = evaluate(layer, shape, inputs)
    # Sums of a few dozen products: some ulps of the largest terms, about 1e1.
    for dtype, tolerance in ((np.float64, 1e-12), (np.float32, 1e-4)):
        (found,) = layer.forward([x.astype(dtype) for x in inputs])
        assert found.dtype == dtype
        assert found.shape == (2, *shape)
        np.testing.assert_allclose(found, says, rtol=tolerance, atol=tolerance)
    return shape


@every_layer
def test_forward_is_what_the_loops_say(layer: Layer, shapes: Shapes, made: tuple[int, ...]) -> None:
    assert agree(layer, shapes) == made


def test_no_layer_is_left_out() -> None:
    assert {type(layer) for layer, _, _ in CASES} == set(LAYERS.values()) - ELSEWHERE


@every_layer
def test_a_layer_comes_back_from_disk(
    tmp_path: Path, layer: Layer, shapes: Shapes, made: tuple[int, ...]
) -> None:
    inputs = tuple(
        NetworkInput(name=name, shape=shape) for name, shape in zip(layer.inputs, shapes, strict=True)
    )
    network = Network(name="one", inputs=inputs, layers=(layer,), outputs=layer.outputs)
    network.save(tmp_path / "net.yaml")
    again = load_network(tmp_path / "net.yaml").layers[0]
    assert type(again) is type(layer)
    assert same_values(again.model_dump(), layer.model_dump())


@settings(max_examples=40, deadline=None)
@given(
    st.tuples(st.integers(1, 6), st.integers(1, 6)),
    PAIR,
    PAIR,
    PAIR,
    PADS,
    st.integers(1, 3),
    st.integers(1, 2),
)
def test_convolutions_of_any_geometry(
    size: Any, kernel: Any, stride: Any, dilation: Any, padding: Any, groups: int, width: int
) -> None:
    geometry = {"stride": stride, "dilation": dilation, "padding": padding}
    channels = groups * width
    conv = Conv2d(**X, weights=some(groups * 2, *kernel, width), groups=groups, **geometry)
    depthwise = DepthwiseConv2d(**X, weights=some(channels * 2, *kernel, 1), **geometry)
    try:
        conv.output_shapes([(*size, channels)])
    except InputError:
        assume(False)
    agree(conv, [(*size, channels)])
    agree(depthwise, [(*size, channels)])


@settings(max_examples=40, deadline=None)
@given(st.tuples(st.integers(1, 6), st.integers(1, 6)), PAIR, PAIR, PADS, st.booleans())
def test_pools_of_any_geometry(size: Any, kernel: Any, stride: Any, padding: Any, count: bool) -> None:
    geometry = {"kernel": kernel, "stride": stride, "padding": padding}
    try:
        MaxPool2d(**X, **geometry).output_shapes([(*size, 2)])
    except InputError:
        assume(False)
    agree(MaxPool2d(**X, **geometry), [(*size, 2)])
    agree(AvgPool2d(**X, **geometry, count_padding=count), [(*size, 2)])


@pytest.mark.parametrize("cache", [1, 200, 1000])
@pytest.mark.parametrize("stride", [(1, 1), (2, 1), (1, 3)])
def test_pieces_of_any_size_make_the_same(
    cache: int, stride: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Images and rows are convolved a few at a time: as many as the processor's cache holds."""
    monkeypatch.setattr("npusim.layers.windows.CACHE", cache)
    geometry = {"stride": stride, "dilation": (1, 2), "padding": ((1, 2), (0, 1))}
    agree(Conv2d(**X, weights=some(4, 2, 2, 2), groups=2, clip=(-1, 1), **geometry), [(7, 6, 4)])
    agree(DepthwiseConv2d(**X, weights=some(4, 3, 2, 1), bias=some(4), **geometry), [(7, 6, 2)])
