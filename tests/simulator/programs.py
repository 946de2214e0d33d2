"""Programs for simulator tests."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

import npusim
from npusim.datapath import Datapath, load_datapath
from npusim.datapath.load import change_datapath
from npusim.layers.add import Add
from npusim.layers.avg_pool2d import AvgPool2d
from npusim.layers.concat import Concat
from npusim.layers.dense import Dense
from npusim.layers.depthwise_conv2d import DepthwiseConv2d
from npusim.layers.flatten import Flatten
from npusim.layers.max_pool2d import MaxPool2d
from npusim.layers.pad import Pad
from npusim.layers.relu import Relu
from npusim.layers.relu6 import Relu6
from npusim.network import Network, NetworkInput
from npusim.program import Program
from npusim.steps.base import TensorType
from npusim.steps.mac import MacOperation, MacStep
from tests.compiler.networks import BYTES, conv, images, some

WES = load_datapath("wes_npu")


def two_inputs() -> Network:
    """Two images added, and every kind of step once."""
    return Network(
        name="two",
        inputs=(NetworkInput(name="a", shape=(5, 5, 3)), NetworkInput(name="b", shape=(5, 5, 3))),
        preprocess=BYTES,
        layers=(
            Add(name="sum", inputs=("a", "b")),
            Pad(name="pad", inputs=("sum",), pads=((1, 0), (0, 1), (0, 0))),
            conv("conv", "pad", 3, 6),
            Relu6(name="relu6", inputs=("conv",)),
            Relu(name="again", inputs=("conv",)),
            DepthwiseConv2d(
                name="dw", inputs=("relu6",), weights=some(6, 2, 3, 1), bias=some(6), stride=(1, 2)
            ),
            MaxPool2d(name="max", inputs=("again",), kernel=(2, 3), stride=(1, 2), padding=((0, 0), (0, 1))),
            Concat(name="both", inputs=("dw", "max"), axis=1),
            AvgPool2d(name="mean", inputs=("both",), kernel=(3, 3), stride=(2, 2), padding=((1, 1), (1, 1))),
            Flatten(name="flat", inputs=("mean",)),
            Dense(name="head", inputs=("flat",), weights=some(4, 54), bias=some(4)),
        ),
        outputs=("head", "again"),
    )


@cache
def compiled(recipe: str = "wes", datapath: str = "wes_npu") -> Program:
    """The network above, compiled; calibrated, so that ranges are tight and codes saturate."""
    return npusim.compile(two_inputs(), datapath, recipe, batch(3))


def batch(count: int, seed: int = 1) -> dict[str, npt.NDArray[np.uint8]]:
    """Bytes for both inputs."""
    return {name: images(count, (5, 5, 3), seed + i) for i, name in enumerate("ab")}


def dense(weights: Any, bias: Any, datapath: Datapath = WES, *, shift: int = 15, **fields: Any) -> Program:
    """A program of one dense step; its rescale is an identity unless `shift` or `fields` say otherwise."""
    weights = np.atleast_2d(np.asarray(weights)).astype(np.int8)
    step = MacStep(
        name="dense",
        inputs=("x",),
        output="y",
        operation=MacOperation.DENSE,
        weights=weights,
        bias=np.atleast_1d(np.asarray(bias, np.int64)),
        fields={
            "multiplier": 1 << 15,
            "shift": shift,
            "inverse_shift": np.zeros(len(weights), np.int64),
            "x_zero": 0,
            "y_zero": 0,
            "low": -128,
            "high": 127,
            **fields,
        },
    )
    codes = {"bits": datapath.activation.bits, "signed": datapath.activation.signed}
    return Program(
        name="dense",
        input_names=("x",),
        output_names=("y",),
        tensors={
            "x": TensorType(shape=(weights.shape[1],), **codes),
            "y": TensorType(shape=(len(weights),), **codes),
        },
        steps=(step,),
        datapath=datapath,
    )


def narrow(bits: int, overflow: str, lanes: int = 1) -> Datapath:
    """wes_npu with a narrow accumulator and few lanes."""
    changes = {
        "mac.accumulator": {"bits": bits, "overflow": overflow},
        "mac.bias.bits": bits,
        "mac.lanes": lanes,
    }
    return change_datapath(WES, changes, f"acc{bits}_{overflow}")
