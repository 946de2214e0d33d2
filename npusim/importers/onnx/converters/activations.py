"""Activation functions: wherever the elements are stored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from npusim.importers.onnx.builder import Builder, Tensor, float_array
from npusim.importers.onnx.graph import OnnxNode
from npusim.importers.onnx.registry import Converter

Fields = Callable[[OnnxNode], dict[str, Any]]


def _function(kind: str, fields: Fields = lambda _: {}) -> Converter:
    def converter(node: OnnxNode, builder: Builder) -> Tensor:
        return builder.unchanged(node, kind, builder.tensor(node), **fields(node))

    return converter


def clipped(node: OnnxNode, builder: Builder, x: Tensor, low: float | None, high: float | None) -> Tensor:
    """relu, relu6 or clip; bounds beyond float32 are none."""
    limit = float(np.finfo(np.float32).max)
    low = None if low is None or low <= -limit else low
    high = None if high is None or high >= limit else high
    if low is None and high is None:
        return x
    if (low, high) == (0, None):
        return builder.unchanged(node, "relu", x)
    if (low, high) == (0, 6):
        return builder.unchanged(node, "relu6", x)
    return builder.unchanged(node, "clip", x, low=low, high=high)


def clip(node: OnnxNode, builder: Builder) -> Tensor:
    """Clip: both bounds are optional inputs."""
    return clipped(node, builder, builder.tensor(node), builder.scalar(node, 1), builder.scalar(node, 2))


def prelu(node: OnnxNode, builder: Builder) -> Tensor:
    """PRelu with one slope per channel or one for all."""
    x = builder.tensor(node)
    slope = builder.constant(node, 1)
    vector = builder.stored_vector(x, slope)
    if vector is None:
        raise node.error("one slope per channel is wanted", found=slope.shape)
    if (vector == vector[0]).all():
        return builder.unchanged(node, "leaky_relu", x, alpha=float(vector[0]))
    return builder.unchanged(node, "prelu", x, slope=float_array(vector))


CONVERTERS: dict[str, Converter] = {
    "Relu": _function("relu"),
    "Clip": clip,
    "Sigmoid": _function("sigmoid"),
    "Tanh": _function("tanh"),
    "Abs": _function("abs"),
    "HardSwish": _function("hard_swish"),
    "Silu": _function("silu"),
    "Mish": _function("mish"),
    "Gelu": _function(
        "gelu", lambda node: {"form": "tanh" if node.text("approximate", "none") == "tanh" else "erf"}
    ),
    "HardSigmoid": _function(
        "hard_sigmoid", lambda node: {"alpha": node.number("alpha", 0.2), "beta": node.number("beta", 0.5)}
    ),
    "LeakyRelu": _function("leaky_relu", lambda node: {"alpha": node.number("alpha", 0.01)}),
    "Elu": _function("elu", lambda node: {"alpha": node.number("alpha", 1.0)}),
    "Celu": _function("celu", lambda node: {"alpha": node.number("alpha", 1.0)}),
    "Selu": _function(
        "selu",
        lambda node: {
            "alpha": node.number("alpha", 1.6732632423543772),
            "gamma": node.number("gamma", 1.0507009873554805),
        },
    ),
    "PRelu": prelu,
}
