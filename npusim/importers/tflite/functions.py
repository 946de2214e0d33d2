"""Functions of one code as tables: each entry as LiteRT's reference kernel computes it."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import mpmath
import numpy as np
import numpy.typing as npt

from npusim.datapath.model import Datapath
from npusim.datapath.operations import PipelineRole
from npusim.importers.tflite.graph import Tensor
from npusim.importers.tflite.scales import half_away, scale_fields
from npusim.spec.floats import BINARY32
from npusim.spec.interval import Interval
from npusim.spec.pipeline import run
from npusim.spec.width import Width
from npusim.steps.pipelines import require_pipeline

Words = npt.NDArray[np.int64]
RealFunction = Callable[[np.float32], np.float32]

_UNBOUNDED = {"x_zero": 0, "y_zero": 0, "low": -(1 << 40), "high": 1 << 40}


def table(function: Callable[[int], int], codes: Interval, limits: Interval) -> Words:
    """A function of all codes, clipped to limits."""
    made = [function(code) for code in range(codes.low, codes.high + 1)]
    return np.clip(np.array(made, np.int64), limits.low, limits.high)


def rescaler(real: float, datapath: Datapath) -> Callable[[int], int]:
    """What the datapath's rescale of codes makes of any integer, without zero points and bounds."""
    stages = require_pipeline(datapath, "concat", PipelineRole.OPERAND)
    scales = scale_fields([real], stages, datapath)
    fields = {**_UNBOUNDED, **{name: int(value) for name, value in scales.items()}}
    return lambda value: run(stages, value, fields).result


def interval_of(bits: int, signed: bool) -> Interval:
    """All codes of a type."""
    return Interval.of(Width(bits, signed))


def real_function(function: RealFunction, x: Tensor, y: Tensor) -> Callable[[int], int]:
    """A float function, computed in single precision, as a function of codes."""
    inverse = np.float32(np.float32(1) / y.scale)

    def of(code: int) -> int:
        value = function(np.float32(x.scale * np.float32(code - x.zero_point)))
        rounded = np.float32(half_away(np.float32(value * inverse)))
        return int(np.float32(rounded + np.float32(y.zero_point)))

    return of


def logistic(value: np.float32) -> np.float32:
    """``1 / (1 + exp(-value))``."""
    with np.errstate(over="ignore"):
        return np.float32(np.float32(1) / np.float32(np.float32(1) + _single(mpmath.exp, -value)))


def tanh(value: np.float32) -> np.float32:
    """The hyperbolic tangent."""
    return _single(mpmath.tanh, value)


def exponential(value: np.float32) -> np.float32:
    """The exponential."""
    return _single(mpmath.exp, value)


def _single(function: Callable[[mpmath.mpf], mpmath.mpf], value: np.float32) -> np.float32:
    """A function's value, correctly rounded to single precision."""
    with mpmath.workprec(120):
        made = function(mpmath.mpf(float(value)))
        sign, mantissa, exponent, _ = made._mpf_
    exact = Fraction(int(mantissa)) * Fraction(2) ** int(exponent)
    if exact >= Fraction(2) ** 128:
        return np.float32(np.inf)
    bits = BINARY32.encode(exact)
    single = np.array([bits], np.uint32).view(np.float32)[0]
    return np.float32(-single if sign else single)


def leaky_relu(x: Tensor, y: Tensor, alpha: float, datapath: Datapath) -> Callable[[int], int]:
    """Negative values times alpha."""
    slope = np.float32(np.float32(x.scale * np.float32(alpha)) / y.scale)
    identity = rescaler(float(np.float32(x.scale / y.scale)), datapath)
    negative = rescaler(abs(float(slope)), datapath)
    sign = -1 if slope < 0 else 1

    def of(code: int) -> int:
        value = code - x.zero_point
        return y.zero_point + (identity(value) if value >= 0 else sign * negative(value))

    return of


def prelu(x: Tensor, slope: Tensor, y: Tensor, slope_code: int, datapath: Datapath) -> Callable[[int], int]:
    """Negative values times a slope that is a code."""
    identity = rescaler(float(np.float32(x.scale / y.scale)), datapath)
    product = np.float32(np.float32(x.scale * slope.scale) / y.scale)
    negative = rescaler(float(product), datapath)

    def of(code: int) -> int:
        value = code - x.zero_point
        if value >= 0:
            return y.zero_point + identity(value)
        return y.zero_point + negative(value * (slope_code - slope.zero_point))

    return of


def float_rescale(x: Tensor, y: Tensor) -> Callable[[int], int]:
    """A change of scale in single precision: how uint8 tensors are concatenated."""
    scale = np.float32(x.scale * np.float32(np.float32(1) / y.scale))
    bias = np.float32(np.float32(-x.zero_point) * scale)

    def of(code: int) -> int:
        return half_away(np.float32(np.float32(np.float32(code) * scale) + bias)) + y.zero_point

    return of
