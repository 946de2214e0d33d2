"""Softmax and L2 normalization."""

from __future__ import annotations

import numpy as np

from npusim.importers.tflite.builder import Builder
from npusim.importers.tflite.graph import Operator
from npusim.importers.tflite.scales import quantized_multiplier
from npusim.spec.fixed_point import WORD, exponential, high_multiply
from npusim.spec.width import wrap
from npusim.steps.l2_normalization import L2NormalizationStep
from npusim.steps.softmax import SoftmaxStep

_INTEGER_BITS = 5
_CODES = 256
_UNIT = np.float32(1 / 128)


def exponentials(operator: Operator, beta: float, scale: float, builder: Builder) -> np.ndarray:
    """The exponential of every distance to the greatest code in Q0.31; 0 beyond the least that counts."""
    fraction_bits = 31 - _INTEGER_BITS
    real = min(beta * scale * (1 << fraction_bits), (1 << 31) - 1.0)
    if real <= 1:
        raise operator.error("beta times the input's scale is too small", found=beta * scale)
    multiplier, exponent = quantized_multiplier(real, builder.datapath)
    greatest = int(((1 << _INTEGER_BITS) - 1) * 2.0**fraction_bits / 2.0**exponent)
    table = np.zeros(_CODES, np.int64)
    for distance in range(min(greatest, _CODES - 1) + 1):
        shifted, _ = wrap(-distance << exponent, WORD)
        table[distance] = exponential(high_multiply(shifted, multiplier))
    return table


def _softmax(operator: Operator, builder: Builder) -> None:
    x, y = builder.tensor(operator, 0), builder.output(operator)
    value = builder.value(operator, 0)
    codes = builder.datapath.activation.interval
    if y.kind != x.kind:
        raise operator.error("input and output of different types", found=y.kind, allowed=x.kind)
    if codes.high - codes.low >= _CODES:
        raise operator.error("softmax is supported on 8-bit codes", found=x.kind)
    table = exponentials(operator, operator.real("Beta"), float(x.scale), builder)
    fields = {"exponentials": table, "y_zero": codes.low, "low": codes.low, "high": codes.high}
    builder.finish(operator, builder.add(SoftmaxStep, y.name, (value,), fields=fields))


def _l2_normalization(operator: Operator, builder: Builder) -> None:
    x, y, value = builder.tensor(operator, 0), builder.output(operator), builder.value(operator, 0)
    if operator.integer("FusedActivationFunction"):
        raise operator.error("a fused activation function is not supported")
    wanted = {"INT8": 0, "UINT8": 128}.get(y.kind)
    if y.kind != x.kind or y.scale != _UNIT or y.zero_point != wanted:
        found = f"{y.kind}, scale {y.scale}, zero point {y.zero_point}"
        raise operator.error("another output than the kernel makes", found=found, allowed="units of 1/128")
    codes = builder.datapath.activation.interval
    zeros = {"x_zero": x.zero_point, "y_zero": y.zero_point}
    fields = {**zeros, "low": codes.low, "high": codes.high}
    builder.finish(operator, builder.add(L2NormalizationStep, y.name, (value,), fields=fields))


CONVERTERS = {"L2_NORMALIZATION": _l2_normalization, "SOFTMAX": _softmax}
