"""Small programs to make vectors from."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.datapath import Datapath, load_datapath
from npusim.program import Program
from npusim.steps.add import AddStep
from npusim.steps.average_pool import AveragePoolStep
from npusim.steps.base import TensorType
from npusim.steps.mac import MacOperation, MacStep

WES = load_datapath("wes_npu")
Codes = npt.NDArray[Any]


def int8(*shape: int) -> TensorType:
    return TensorType(shape=shape, bits=8)


def one_mac(step: MacStep, datapath: Datapath, x_shape: tuple[int, ...]) -> Program:
    """A program of one mac step that reads `x` and makes `y`."""
    x = TensorType(shape=x_shape, bits=datapath.activation.bits, signed=datapath.activation.signed)
    tensors = {"x": x, "y": step.output_type([x], datapath)}
    return Program(
        name="one_mac", inputs=("x",), outputs=("y",), tensors=tensors, steps=(step,), datapath=datapath
    )


def mac(name: str, inputs: str, output: str, operation: MacOperation, shape: tuple[int, ...]) -> MacStep:
    """A mac step on wes_npu with weights of a shape; 3x3 windows are padded."""
    rng = np.random.default_rng(sum(name.encode()))
    padding = ((1, 1), (1, 1)) if len(shape) == 4 else ((0, 0), (0, 0))
    return MacStep(
        name=name,
        inputs=(inputs,),
        output=output,
        operation=operation,
        weights=rng.integers(-127, 128, shape).astype(np.int8),
        bias=rng.integers(-9999, 10000, shape[0]),
        padding=padding,
        fields={
            "multiplier": 40000,
            "shift": 24,
            "inverse_shift": np.arange(shape[0]) % 4,
            "x_zero": -5,
            "y_zero": -5,
            "low": -120,
            "high": 127,
        },
    )


def small_network() -> Program:
    """Convolution, depthwise convolution, addition, average pool, dense: 6 x 5 x 3 to 7."""
    operand = {"x_zero": -5, "multiplier": 700}
    conv = mac("block/conv", "x", "a", MacOperation.CONV2D, (4, 3, 3, 3))
    depthwise = mac("block/dw", "a", "b", MacOperation.DEPTHWISE_CONV2D, (4, 3, 3, 1))
    add = AddStep(
        name="add",
        inputs=("a", "b"),
        output="c",
        operand_fields=(operand, {**operand, "multiplier": 500}),
        fields={"shift": 10, "y_zero": -5, "low": -128, "high": 127},
    )
    pool = AveragePoolStep(
        name="pool",
        inputs=("c",),
        output="d",
        kernel=(6, 5),
        keep_dims=False,
        x_zero=-5,
        counts=np.array([30]),
        multipliers=np.array([35000]),
        fields={"shift": 20, "y_zero": -5, "low": -128, "high": 127},
    )
    dense = mac("fc", "d", "e", MacOperation.DENSE, (7, 4))
    image = int8(6, 5, 4)
    return Program(
        name="small",
        inputs=("x",),
        outputs=("e",),
        tensors={"x": int8(6, 5, 3), "a": image, "b": image, "c": image, "d": int8(4), "e": int8(7)},
        steps=(conv, depthwise, add, pool, dense),
        datapath=WES,
    )


def codes(images: int, program: Program) -> Codes:
    """Random input codes."""
    (described,) = program.inputs
    rng = np.random.default_rng(7)
    return rng.integers(-128, 128, (images, *described.shape)).astype(np.int8)
