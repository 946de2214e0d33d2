"""Small float networks for tests: seeded, with everything passes care about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.compiler.base import Compilation
from npusim.datapath import Datapath, load_datapath
from npusim.layers.add import Add
from npusim.layers.base import Layer
from npusim.layers.batch_norm import BatchNorm
from npusim.layers.concat import Concat
from npusim.layers.conv2d import Conv2d
from npusim.layers.dense import Dense
from npusim.layers.depthwise_conv2d import DepthwiseConv2d
from npusim.layers.flatten import Flatten
from npusim.layers.global_avg_pool import GlobalAvgPool
from npusim.layers.max_pool2d import MaxPool2d
from npusim.layers.relu import Relu
from npusim.layers.relu6 import Relu6
from npusim.network import Network, NetworkInput
from npusim.preprocess import Preprocess

Array = npt.NDArray[Any]

WES = load_datapath("wes_npu")
BYTES = Preprocess(mean=(127.5,), std=(127.5,))


def network(
    layers: Sequence[Layer],
    outputs: Sequence[str],
    shape: tuple[int, ...] = (6, 6, 3),
    preprocess: Preprocess | None = BYTES,
) -> Network:
    """A network of one input, `x`."""
    return Network(
        name="net",
        inputs=(NetworkInput(name="x", shape=shape),),
        layers=tuple(layers),
        outputs=tuple(outputs),
        preprocess=preprocess,
    )


def state(net: Network, datapath: Datapath = WES, **content: Any) -> Compilation:
    """A compilation of it that has not begun."""
    return Compilation(net, datapath, **content)


def some(*shape: int, seed: int = 0) -> Array:
    """Normal numbers, the same every time."""
    return np.random.default_rng([seed, *shape]).normal(size=shape)


def images(count: int = 4, shape: tuple[int, ...] = (6, 6, 3), seed: int = 1) -> npt.NDArray[np.uint8]:
    """Random bytes."""
    return np.random.default_rng([seed, count, *shape]).integers(0, 256, (count, *shape)).astype(np.uint8)


def norm(name: str, of: str, channels: int, seed: int = 2, **changes: Any) -> BatchNorm:
    """A batch norm with gammas of both signs and one near zero."""
    rng = np.random.default_rng([seed, channels])
    gamma = rng.uniform(0.5, 2, channels) * np.where(np.arange(channels) % 3 == 1, -1, 1)
    content = {
        "gamma": gamma,
        "beta": rng.normal(size=channels),
        "mean": rng.normal(size=channels),
        "variance": rng.uniform(0.1, 3, channels),
    }
    return BatchNorm(name=name, inputs=(of,), **{**content, **changes})


def conv(name: str, of: str, inputs: int, outputs: int, seed: int = 3, **changes: Any) -> Conv2d:
    """A padded 3 x 3 convolution whose channels differ in range by up to 2**8."""
    gains = 2.0 ** -np.random.default_rng([seed, outputs]).uniform(0, 8, (outputs, 1, 1, 1))
    content = {"weights": some(outputs, 3, 3, inputs, seed=seed) * gains, "padding": ((1, 1), (1, 1))}
    return Conv2d(name=name, inputs=(of,), **{**content, **changes})


def residual() -> Network:
    """Convolutions, batch norms, a branch that meets itself again, pools, a classifier."""
    return network(
        [
            conv("conv", "x", 3, 8),
            norm("bn", "conv", 8),
            Relu6(name="relu6", inputs=("bn",)),
            DepthwiseConv2d(
                name="dw",
                inputs=("relu6",),
                weights=some(8, 3, 3, 1),
                bias=some(8),
                padding=((1, 1), (1, 1)),
            ),
            norm("bn_dw", "dw", 8, seed=5),
            Add(name="sum", inputs=("relu6", "bn_dw")),
            Relu(name="relu", inputs=("sum",)),
            MaxPool2d(name="pool", inputs=("relu",), kernel=(2, 2), stride=(2, 2)),
            conv("side", "pool", 8, 4, seed=7),
            Concat(name="both", inputs=("pool", "side")),
            GlobalAvgPool(name="mean", inputs=("both",)),
            Dense(name="head", inputs=("mean",), weights=some(5, 12), bias=some(5)),
        ],
        ["head"],
    )


def flat() -> Network:
    """A batch norm on a vector, and a flatten."""
    return network(
        [
            conv("conv", "x", 3, 4, stride=(3, 3)),
            Relu(name="relu", inputs=("conv",)),
            Flatten(name="flat", inputs=("relu",)),
            Dense(name="dense", inputs=("flat",), weights=some(6, 16), bias=some(6)),
            Relu(name="act", inputs=("dense",)),
            norm("bn", "act", 6),
        ],
        ["bn"],
    )
