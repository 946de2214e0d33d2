"""The operators of the QOperator form: what each is the quantized form of, where its inputs stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class QOperator:
    """How an operator lists its inputs.

    Attributes
    ----------
    op
        The operation that it is the quantized form of.
    operands
        Of each operand the places of codes, scale and zero point.
    result
        The places of the result's scale and zero point.
    bias
        The place of int32 values without a scale of their own.
    """

    op: str
    operands: tuple[tuple[int, int, int], ...]
    result: tuple[int, int]
    bias: int | None = None


_ONE, _TWO = ((0, 1, 2),), ((0, 1, 2), (3, 4, 5))

QOPERATORS: Mapping[str, QOperator] = {
    "QGemm": QOperator("Gemm", _TWO, (7, 8), bias=6),
    "QLinearAdd": QOperator("Add", _TWO, (6, 7)),
    "QLinearConv": QOperator("Conv", _TWO, (6, 7), bias=8),
    "QLinearGlobalAveragePool": QOperator("GlobalAveragePool", _ONE, (3, 4)),
    "QLinearAveragePool": QOperator("AveragePool", _ONE, (3, 4)),
    "QLinearLeakyRelu": QOperator("LeakyRelu", _ONE, (3, 4)),
    "QLinearMatMul": QOperator("MatMul", _TWO, (6, 7)),
    "QLinearMul": QOperator("Mul", _TWO, (6, 7)),
    "QLinearSigmoid": QOperator("Sigmoid", _ONE, (3, 4)),
    "QLinearSoftmax": QOperator("Softmax", _ONE, (3, 4)),
}


def qoperator(op: str, inputs: int) -> QOperator | None:
    """How an operator with so many inputs lists them; None if it is another operation."""
    if op == "QLinearConcat":
        count = (inputs - 2) // 3
        return QOperator("Concat", tuple((i, i + 1, i + 2) for i in range(2, 2 + 3 * count, 3)), (0, 1))
    return QOPERATORS.get(op)


INTEGER_OPERATIONS = {"QuantizeLinear", "DequantizeLinear", "QLinearConcat", *QOPERATORS}
"""A model that holds one of these is quantized."""

DYNAMIC = {
    "ConvInteger",
    "DynamicQuantizeLinear",
    "DynamicQuantizeLSTM",
    "DynamicQuantizeMatMul",
    "MatMulInteger",
    "MatMulIntegerToFloat",
    "MatMulNBits",
}
"""Scales are computed while the model runs, or results are floats."""
