"""One or more of every layer, with the shapes of its inputs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from npusim.layers.add import Add
from npusim.layers.avg_pool2d import AvgPool2d
from npusim.layers.base import Layer
from npusim.layers.batch_norm import BatchNorm
from npusim.layers.clip import Clip
from npusim.layers.concat import Concat
from npusim.layers.conv2d import Conv2d
from npusim.layers.dense import Dense
from npusim.layers.depthwise_conv2d import DepthwiseConv2d
from npusim.layers.flatten import Flatten
from npusim.layers.global_avg_pool import GlobalAvgPool
from npusim.layers.max_pool2d import MaxPool2d
from npusim.layers.pad import Pad
from npusim.layers.relu import Relu
from npusim.layers.relu6 import Relu6
from npusim.layers.reshape import Reshape
from tests.layers.further_cases import FURTHER_CASES

Shapes = list[tuple[int, ...]]

X = {"name": "y", "inputs": ("a",)}
TWO = {"name": "y", "inputs": ("a", "b")}


def some(*shape: int, seed: int = 0) -> npt.NDArray[np.float32]:
    """Normal numbers in float32, the same every time."""
    return np.random.default_rng([seed, *shape]).normal(size=shape).astype(np.float32)


CASES: list[tuple[Layer, Shapes, tuple[int, ...]]] = [
    (Conv2d(**X, weights=some(4, 3, 2, 3), stride=(2, 1), padding=((1, 0), (0, 1))), [(5, 6, 3)], (2, 6, 4)),
    (Conv2d(**X, weights=some(4, 1, 1, 2), bias=some(4), groups=2, clip=(0, None)), [(3, 3, 4)], (3, 3, 4)),
    (DepthwiseConv2d(**X, weights=some(6, 3, 3, 1), dilation=(2, 1)), [(6, 6, 3)], (2, 4, 6)),
    (DepthwiseConv2d(**X, weights=some(3, 2, 2, 1), bias=some(3), clip=(0, 6)), [(4, 4, 3)], (3, 3, 3)),
    (Dense(**X, weights=some(5, 7), bias=some(5), clip=(None, 1)), [(7,)], (5,)),
    (Dense(**X, weights=some(5, 4)), [(2, 3, 4)], (2, 3, 5)),
    (Add(**TWO, clip=(0, 6)), [(3, 2, 4)] * 2, (3, 2, 4)),
    (Add(**TWO), [(3, 2, 4), (1, 1, 4)], (3, 2, 4)),
    (AvgPool2d(**X, kernel=(2, 3), stride=(2, 2), padding=((1, 0), (1, 1))), [(5, 6, 2)], (3, 3, 2)),
    (AvgPool2d(**X, kernel=(2, 2), padding=((1, 1), (1, 1)), count_padding=True), [(3, 3, 2)], (4, 4, 2)),
    (MaxPool2d(**X, kernel=(3, 3), stride=(2, 2), padding=((1, 1), (1, 1))), [(6, 5, 2)], (3, 3, 2)),
    (GlobalAvgPool(**X), [(3, 4, 5)], (5,)),
    (GlobalAvgPool(**X, keep_dims=True), [(3, 4, 5)], (1, 1, 5)),
    (Concat(**TWO), [(2, 2, 3), (2, 2, 1)], (2, 2, 4)),
    (Concat(**TWO, axis=0), [(2, 2, 3), (1, 2, 3)], (3, 2, 3)),
    (Concat(**X), [(4,)], (4,)),
    (Pad(**X, pads=((1, 0), (0, 2), (0, 0)), value=0.5), [(2, 2, 3)], (3, 4, 3)),
    (Reshape(**X, shape=(2, -1)), [(2, 2, 3)], (2, 6)),
    (Reshape(**X, shape=(3, 4)), [(2, 2, 3)], (3, 4)),
    (Flatten(**X), [(2, 2, 3)], (12,)),
    (
        BatchNorm(**X, gamma=some(3), beta=some(3, seed=1), mean=some(3, seed=2), variance=some(3) ** 2),
        [(2, 2, 3)],
        (2, 2, 3),
    ),
    (Relu(**X), [(2, 2, 3)], (2, 2, 3)),
    (Relu6(**X), [(3,)], (3,)),
    (Clip(**X, low=-0.25), [(2, 2, 3)], (2, 2, 3)),
    (Clip(**X, low=-0.25, high=0.25), [(2, 2, 3)], (2, 2, 3)),
    (Clip(**X), [(3,)], (3,)),
    *FURTHER_CASES,
]
"""Layer, shapes of its inputs, shape of its output."""
