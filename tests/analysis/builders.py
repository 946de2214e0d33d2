"""Mac steps and programs that analyses are tried on."""

from __future__ import annotations

from typing import Any

import numpy as np

from npusim.datapath import Datapath, load_datapath
from npusim.datapath.load import change_datapath
from npusim.program import Program
from npusim.steps.base import TensorType
from npusim.steps.mac import MacStep

WES = load_datapath("wes_npu")

FIELDS = {
    "multiplier": 40000,
    "shift": 20,
    "inverse_shift": 0,
    "x_zero": -3,
    "y_zero": 5,
    "low": -128,
    "high": 127,
}


def conv(weights: Any, bias: Any = None, fields: dict[str, Any] | None = None, **more: Any) -> MacStep:
    """A convolution step named ``conv`` from ``x`` to ``y``."""
    weights = np.asarray(weights, np.int8)
    bias = np.zeros(len(weights), np.int64) if bias is None else np.asarray(bias, np.int64)
    parts: dict[str, Any] = {"name": "conv", "inputs": ("x",), "output": "y", "operation": "conv2d", **more}
    return MacStep(weights=weights, bias=bias, fields={**FIELDS, **(fields or {})}, **parts)


def program(*steps: MacStep, shape: tuple[int, ...], datapath: Datapath = WES) -> Program:
    """A program of steps one behind the other; `shape` is that of its input ``x``."""
    tensors = {"x": TensorType(shape=shape, bits=8)}
    for step in steps:
        tensors[step.output] = step.output_type([tensors[step.inputs[0]]], datapath)
    return Program(
        name="made",
        input_names=("x",),
        output_names=(steps[-1].output,),
        tensors=tensors,
        steps=steps,
        datapath=datapath,
    )


def drawn(rng: np.random.Generator, kind: str, datapath: Datapath = WES) -> Program:
    """A one-step program with weights, bias and window drawn; `kind`: conv, groups, depthwise, dense."""
    if kind == "dense":
        inputs, outputs = int(rng.integers(1, 40)), int(rng.integers(1, 6))
        step = conv(_weights(rng, (outputs, inputs)), _bias(rng, outputs), operation="dense")
        return program(step, shape=(inputs,), datapath=datapath)
    channels, groups = {"conv": (5, 1), "groups": (6, 2), "depthwise": (3, 3)}[kind]
    outputs = 6 if kind != "conv" else int(rng.integers(1, 6))
    kernel = tuple(int(size) for size in rng.integers(1, 4, 2))
    pads = tuple(tuple(int(pad) for pad in rng.integers(0, 3, 2)) for _ in range(2))
    step = conv(
        _weights(rng, (outputs, *kernel, channels // groups)),
        _bias(rng, outputs),
        {"x_zero": int(rng.integers(-128, 128)), "shift": 22},
        operation="depthwise_conv2d" if kind == "depthwise" else "conv2d",
        groups=1 if kind == "depthwise" else groups,
        padding=pads,
        stride=tuple(int(s) for s in rng.integers(1, 3, 2)),
        dilation=tuple(int(d) for d in rng.integers(1, 3, 2)),
    )
    return program(step, shape=(6, 7, channels), datapath=datapath)


def _weights(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    return rng.integers(-127, 128, shape)


def _bias(rng: np.random.Generator, outputs: int) -> Any:
    return rng.integers(-3000, 3000, outputs)


VARIANTS = {
    "folded": WES,
    "subtract": load_datapath("wes_npu_subtract"),
    "late": change_datapath(WES, {"mac.bias.place": "late"}, "late"),
    "four lanes": change_datapath(WES, {"mac.lanes": 4}, "four_lanes"),
}
