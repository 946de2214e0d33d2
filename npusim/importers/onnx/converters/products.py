"""Gemm and MatMul."""

from __future__ import annotations

from math import prod

import numpy as np

from npusim.importers.onnx.builder import Builder, Tensor, float_array
from npusim.importers.onnx.graph import Array, OnnxNode
from npusim.importers.onnx.registry import Converter


def gemm(node: OnnxNode, builder: Builder) -> Tensor:
    """Gemm with constant weights: a dense layer."""
    x = builder.tensor(node)
    if node.integer("transA", 0):
        raise node.error("the input must not be transposed", found="transA=1")
    weights = builder.constant(node, 1)
    weights = weights if node.integer("transB", 0) else weights.T
    bias = builder.optional_constant(node, 2)
    alpha, beta = node.number("alpha", 1.0), node.number("beta", 1.0)
    weights = weights if alpha == 1 else weights * np.float32(alpha)
    if bias is not None:
        bias = bias if beta == 1 else bias * np.float32(beta)
    if weights.ndim != 2 or (bias is not None and bias.size not in {1, weights.shape[0]}):
        raise node.error("weights and bias do not fit", found=weights.shape)
    if bias is not None:
        bias = np.broadcast_to(bias.reshape(-1), weights.shape[:1])
    return _product(node, builder, x, weights, bias)


def matmul(node: OnnxNode, builder: Builder) -> Tensor:
    """MatMul with constant weights, or of two computed tensors."""
    x, other = builder.tensor(node), builder.value(node, 1)
    if isinstance(other, Tensor):
        return _computed(node, builder, x, other)
    if other.ndim != 2:
        raise node.error("constant weights must be a matrix", found=other.shape)
    return _product(node, builder, x, other.T, None)


def _product(node: OnnxNode, builder: Builder, x: Tensor, weights: Array, bias: Array | None) -> Tensor:
    """The last axis times (outputs, inputs): dense for one row, a 1x1 convolution for several."""
    if x.rank < 2 or x.shape[-1] != weights.shape[1]:
        raise node.error("weights do not fit the input", found=weights.shape, allowed=f"as {x.shape} has")
    weights, bias = float_array(weights), None if bias is None else float_array(bias)
    if all(length == 1 for length in x.shape[:-1]):
        name, (features,) = builder.reshaped(node, x.name, x.stored, (x.shape[-1],)), (x.shape[-1],)
        arranged = np.empty_like(weights)
        arranged[:, x.view.stored_indices()] = weights
        made = builder.emit(node, "dense", (name,), weights=arranged, bias=bias)
        result = builder.result(node, made, [(features,)], (1,))
        return builder.view(node, result, (*x.shape[:-1], len(weights)))
    image = (
        x
        if x.rank == 4 and x.shape[0] == 1
        else builder.view(node, x, (1, 1, prod(x.shape[:-1]), x.shape[-1]))
    )
    name, stored = builder.take(node, image, (1, 2, 3))
    made = builder.emit(node, "conv2d", (name,), weights=weights[:, np.newaxis, np.newaxis], bias=bias)
    result = builder.result(node, made, [stored], (1, 2, 3))
    return builder.view(node, result, (*x.shape[:-1], len(weights)))


def _computed(node: OnnxNode, builder: Builder, a: Tensor, b: Tensor) -> Tensor:
    if a.rank != b.rank or a.rank < 2:
        raise node.error("tensors of one rank are wanted", found=(a.shape, b.shape))
    order = builder.without_batch(range(a.rank), a, b)
    order = order if len(order) > 1 else tuple(range(a.rank))
    (first, one), (second, other) = builder.take(node, a, order), builder.take(node, b, order)
    made = builder.emit(node, "matmul", (first, second))
    return builder.result(node, made, [one, other], order)


CONVERTERS: dict[str, Converter] = {"Gemm": gemm, "MatMul": matmul}
