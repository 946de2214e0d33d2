"""Convolutions and matrix products: on the MAC array, rescaled in float32."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.importers.onnx.builder import Tensor
from npusim.importers.onnx.graph import Array
from npusim.importers.onnx.window import read_window
from npusim.importers.qdq.builder import StepBuilder
from npusim.importers.qdq.fused import Fused, single_bits
from npusim.importers.qdq.quantization import Quantization

Words = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Weights:
    """Weights as signed codes with their zero points and scales."""

    codes: Array
    zeros: Words
    scales: npt.NDArray[np.float32]


def signed_weights(fused: Fused, index: int) -> Weights:
    """Weights of either type: unsigned ones and their zero points are 128 lower, which changes no product."""
    codes, meaning = fused.constant(index)
    if codes.dtype not in (np.uint8, np.int8):
        raise fused.node.error("weights of 8 bits are supported", found=str(codes.dtype))
    lower = 128 if codes.dtype == np.uint8 else 0
    return Weights((codes.astype(np.int16) - lower).astype(np.int8), meaning.zeros - lower, meaning.scales)


def rescale_scales(x: Quantization, weights: Weights, y: Quantization, factor: float = 1.0) -> Words:
    """float32(float32(S_x * S_w) / S_y), as bits; the product starts with Gemm's alpha."""
    first = np.float32(np.float32(factor) * x.scale)
    ratios = (first * weights.scales).astype(np.float32) / y.scale
    return ratios.astype(np.float32).view(np.uint32).astype(np.int64)


def bias_of(fused: Fused, index: int, weights: Weights) -> Words:
    """The bias in units of the products, zeros if there is none.

    Floats are quantized as ONNX Runtime does it while it fuses.
    """
    outputs = len(weights.codes)
    if index >= len(fused.operands) or fused.operands[index] is None:
        return np.zeros(outputs, np.int64)
    bias, meaning = fused.constant(index)
    if bias.dtype not in (np.int32, np.float32) or bias.size not in {1, outputs}:
        found = f"{bias.dtype} {bias.shape}"
        raise fused.node.error("a bias of another type or size", found=found, allowed=f"int32, {outputs}")
    bias, units = bias.reshape(-1), np.float32(fused.operand(0).meaning.scale) * weights.scales
    if bias.dtype == np.float32:
        bias = np.rint(np.clip(bias / units, -(2.0**31), 2.0**31 - 1))
    elif meaning.dtype == np.int32 and not np.allclose(meaning.scales, units, rtol=1e-5, atol=0):
        units_of_bias = float(meaning.scales[0])
        allowed = f"{float(units[0])}, the scale of its products"
        raise fused.node.error("the bias has another scale", found=units_of_bias, allowed=allowed)
    return np.array(np.broadcast_to(bias.astype(np.int64), (outputs,)))


def column(values: Sequence[int] | Words, outputs: int, fused: Fused) -> int | Words:
    """A field: one value for all channels, or one for each."""
    if len(values) not in {1, outputs}:
        raise fused.node.error(
            "one scale, or one per output, is wanted", found=len(values), allowed=f"{outputs}"
        )
    return int(values[0]) if len(values) == 1 else np.array(values, np.int64)


def mac(
    fused: Fused,
    builder: StepBuilder,
    x: str,
    weights: Weights,
    bias: Words,
    factor: float = 1.0,
    **fields: Any,
) -> str:
    """A MAC step; weights have their outputs first."""
    meaning = fused.tensor(0, builder)[1]
    outputs = len(weights.codes)
    registers: dict[str, Any] = {
        **fused.clips(),
        "x_zero": meaning.zero,
        "scale": column(rescale_scales(meaning, weights, fused.result, factor), outputs, fused),
    }
    if np.any(weights.zeros):
        registers["weight_zero"] = column(weights.zeros, outputs, fused)
    made = builder.emit(
        fused.node,
        "mac",
        (x,),
        weights=weights.codes,
        bias=bias,
        fields=registers,
        activation=fused.activation,
        **fields,
    )
    worth = np.float64(meaning.scale) * weights.scales.astype(np.float64)
    builder.accumulators[made] = np.array(np.broadcast_to(worth, (outputs,)))
    return made


def _conv(fused: Fused, builder: StepBuilder) -> Tensor:
    """QLinearConv."""
    node, (x, _), weights = fused.node, fused.tensor(0, builder), signed_weights(fused, 1)
    codes, groups = weights.codes, node.integer("group", 1)
    if codes.ndim not in {3, 4} or codes.ndim != x.rank or x.shape[0] != 1:
        raise node.error("convolutions of images and signals are supported", found=(x.shape, codes.shape))
    window = read_window(node, x.shape[2:], codes.shape[2:])
    if codes.ndim == 3:
        codes = codes[:, :, np.newaxis]
    depthwise = groups == x.shape[1] > 1 and codes.shape[1] == 1
    name, stored = builder.take_image(node, x)
    made = mac(
        fused,
        builder,
        name,
        Weights(np.ascontiguousarray(codes.transpose(0, 2, 3, 1)), weights.zeros, weights.scales),
        bias_of(fused, 2, weights),
        operation="depthwise_conv2d" if depthwise else "conv2d",
        groups=1 if depthwise else groups,
        stride=window.stride,
        dilation=window.dilation,
        padding=window.padding,
    )
    return builder.image_result(node, x, made, stored)


def _dense(fused: Fused, builder: StepBuilder, weights: Weights, bias: Words, factor: float) -> Tensor:
    """Rows of the last axis times weights (outputs, inputs)."""
    x, _ = fused.tensor(0, builder)
    order = builder.without_batch(range(x.rank), x)
    name, stored = builder.take(fused.node, x, order)
    made = mac(fused, builder, name, weights, bias, factor, operation="dense")
    return builder.result(fused.node, made, [stored], order)


def _gemm(fused: Fused, builder: StepBuilder) -> Tensor:
    """QGemm."""
    node = fused.node
    if node.integer("transA", 0) or node.number("beta", 1.0) != 1.0:
        raise node.error("transA and beta are not supported")
    weights = signed_weights(fused, 1)
    if weights.codes.ndim != 2:
        raise node.error("a matrix of weights is wanted", found=weights.codes.shape)
    codes = weights.codes if node.integer("transB", 0) else weights.codes.T
    turned = Weights(np.ascontiguousarray(codes), weights.zeros, weights.scales)
    return _dense(fused, builder, turned, bias_of(fused, 2, turned), node.number("alpha", 1.0))


def _matmul(fused: Fused, builder: StepBuilder) -> Tensor:
    """QLinearMatMul, with weights or with two computed matrices."""
    if isinstance(fused.operand(1).content, Tensor):
        return _two_matrices(fused, builder)
    weights = signed_weights(fused, 1)
    if weights.codes.ndim != 2:
        raise fused.node.error("a matrix of weights is wanted", found=weights.codes.shape)
    turned = Weights(np.ascontiguousarray(weights.codes.T), weights.zeros, weights.scales)
    return _dense(fused, builder, turned, np.zeros(len(turned.codes), np.int64), 1.0)


def _two_matrices(fused: Fused, builder: StepBuilder) -> Tensor:
    node = fused.node
    (a, a_meaning), (b, b_meaning) = (fused.tensor(index, builder) for index in range(2))
    if a.rank != b.rank or a.shape[:-2] != b.shape[:-2] or a.rank < 2:
        raise node.error("matrices of one rank are wanted", found=(a.shape, b.shape))
    order = builder.without_batch(range(a.rank), a, b) if a.rank > 2 else (0, 1)
    taken = [builder.take(node, x, order) for x in (a, b)]
    product = np.float32(a_meaning.scale * b_meaning.scale)
    made = builder.emit(
        node,
        "matmul",
        [name for name, _ in taken],
        operand_fields=({"x_zero": a_meaning.zero}, {"x_zero": b_meaning.zero}),
        fields={**fused.clips(), "scale": single_bits(np.float32(product / fused.result.scale))},
        activation=fused.activation,
    )
    return builder.result(node, made, [stored for _, stored in taken], order)


CONVERTERS = {"Conv": _conv, "Gemm": _gemm, "MatMul": _matmul}
