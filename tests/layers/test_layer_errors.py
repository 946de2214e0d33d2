"""What layers refuse, and which key they name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from npusim.errors import InputError
from npusim.layers.add import Add
from npusim.layers.avg_pool2d import AvgPool2d
from npusim.layers.base import Layer
from npusim.layers.batch_norm import BatchNorm
from npusim.layers.clip import Clip
from npusim.layers.concat import Concat
from npusim.layers.conv2d import Conv2d
from npusim.layers.conv2d_transpose import Conv2dTranspose
from npusim.layers.dense import Dense
from npusim.layers.depthwise_conv2d import DepthwiseConv2d
from npusim.layers.flatten import Flatten
from npusim.layers.global_avg_pool import GlobalAvgPool
from npusim.layers.lowering import Lowering
from npusim.layers.matmul import Matmul
from npusim.layers.max_pool2d import MaxPool2d
from npusim.layers.mean import Mean
from npusim.layers.pad import Pad
from npusim.layers.relu import Relu
from npusim.layers.reshape import Reshape
from npusim.network import Network, NetworkInput
from tests.layers.cases import TWO, Shapes, X, some
from tests.steps.one_step import WES

NORM: Mapping[str, Any] = {"gamma": some(3), "beta": some(3), "mean": some(3), "variance": some(3) ** 2}
IMAGE = [(4, 4, 3)]

REFUSED: list[tuple[Layer, Shapes, str]] = [
    (Conv2d(**X, weights=some(2, 3, 3, 4)), IMAGE, "weights"),
    (Conv2d(**X, weights=some(2, 3)), IMAGE, "weights"),
    (Conv2d(**X, weights=some(3, 3, 3, 1), groups=2), IMAGE, "weights"),
    (Conv2d(**X, weights=some(2, 3, 3, 3), bias=some(3)), IMAGE, "bias"),
    (Conv2d(**X, weights=some(2, 3, 3, 3)), IMAGE * 2, "inputs"),
    (DepthwiseConv2d(**X, weights=some(4, 3, 3, 1)), IMAGE, "weights"),
    (DepthwiseConv2d(**X, weights=some(3, 3, 3, 3)), IMAGE, "weights"),
    (DepthwiseConv2d(**X, weights=some(3, 3, 3, 1), bias=some(1)), IMAGE, "bias"),
    (Dense(**X, weights=some(2, 4)), IMAGE, "weights"),
    (Dense(**X, weights=some(2, 3)), [(4,)], "weights"),
    (Dense(**X, weights=some(2, 4), bias=some(3)), [(4,)], "bias"),
    (Add(**TWO), [(4,), (2,)], "inputs"),
    (Add(**TWO), [(4,), (1, 4)], "inputs"),
    (Mean(**X, axes=(0, -3)), IMAGE, "axes"),
    (Mean(**X, axes=(3,)), IMAGE, "axes"),
    (Matmul(**TWO), [(2, 3), (2, 3)], "inputs"),
    (Conv2dTranspose(**X, weights=some(2, 1, 1, 3), padding=((2, 2), (0, 0))), IMAGE, "padding"),
    (Add(**X), [(4,)], "inputs"),
    (AvgPool2d(**X, kernel=(2, 2), padding=((2, 0), (0, 0))), IMAGE, "padding"),
    (MaxPool2d(**X, kernel=(2, 2), padding=((0, 0), (0, 2))), IMAGE, "padding"),
    (GlobalAvgPool(**X), IMAGE * 2, "inputs"),
    (Concat(**TWO, axis=1), [(4,), (4,)], "axis"),
    (Concat(**TWO), [(4, 4), (3, 4)], "inputs[1]"),
    (Pad(**X, pads=((1, 1),)), IMAGE, "pads"),
    (Reshape(**X, shape=(-1, -1)), IMAGE, "shape"),
    (Reshape(**X, shape=(0, 48)), IMAGE, "shape"),
    (Reshape(**X, shape=(7, -1)), IMAGE, "shape"),
    (Reshape(**X, shape=(4, 4)), IMAGE, "shape"),
    (Flatten(**X), IMAGE * 2, "inputs"),
    (Relu(**X), IMAGE * 2, "inputs"),
    (BatchNorm(**X, **{**NORM, "mean": some(4)}), IMAGE, "mean"),
    (BatchNorm(**X, **{**NORM, "variance": np.array([1.0, -0.5, 1.0])}), IMAGE, "variance"),
    (BatchNorm(**X, **{**NORM, "variance": np.zeros(3)}, epsilon=0), IMAGE, "variance"),
]


@pytest.mark.parametrize(("layer", "shapes", "key"), REFUSED, ids=lambda part: getattr(part, "kind", ""))
def test_shapes_that_do_not_fit_are_refused(layer: Layer, shapes: Shapes, key: str) -> None:
    with pytest.raises(InputError) as caught:
        layer.output_shapes(shapes)
    assert caught.value.key == key


@pytest.mark.parametrize(
    "layer",
    [
        Conv2d(**X, weights=some(2, 5, 1, 3)),
        AvgPool2d(**X, kernel=(1, 5)),
        MaxPool2d(**X, kernel=(5, 1)),
        DepthwiseConv2d(**X, weights=some(3, 3, 3, 1), dilation=(1, 2)),
    ],
)
def test_kernels_that_do_not_fit_are_refused(layer: Layer) -> None:
    with pytest.raises(InputError, match="kernel does not fit"):
        layer.output_shapes(IMAGE)


@pytest.mark.parametrize("layer", [MaxPool2d(**X, kernel=(1, 1)), GlobalAvgPool(**X)])
def test_vectors_are_no_images(layer: Layer) -> None:
    with pytest.raises(InputError, match="an image is wanted"):
        layer.output_shapes([(4,)])


def test_the_network_says_which_layer_it_is() -> None:
    with pytest.raises(InputError) as caught:
        Network(
            name="one",
            inputs=(NetworkInput(name="a", shape=(4, 4, 3)),),
            layers=(Pad(**X, pads=((1, 1),)),),
            outputs=("y",),
        )
    assert caught.value.key == "layers[0].pads"


def test_bounds_the_wrong_way_round_are_refused() -> None:
    with pytest.raises(ValidationError, match="low is 1, above high, 0"):
        Clip(**X, low=1, high=0)


def test_a_batch_norm_must_be_folded_first() -> None:
    with pytest.raises(InputError, match="folded first"):
        BatchNorm(**X, **NORM).lower(Lowering(WES, {}, {}, {}))
