"""From the scales of a model to register fields: in the arithmetic that LiteRT prepares its kernels in."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from npusim.datapath.model import Codes, Datapath
from npusim.errors import InputError
from npusim.importers.tflite.graph import Operator, Tensor
from npusim.spec.scale import Part, encode, fields_of, fill, shift_limits
from npusim.spec.stages import BaseStage
from npusim.steps.fields import Activation, FieldValue, FieldValues, needed_fields

RELU, RELU_N1_TO_1, RELU6 = 1, 2, 3
"""The schema's fused activation functions."""

_BOUNDS: dict[int, tuple[float | None, float | None]] = {
    0: (None, None),
    RELU: (0.0, None),
    RELU_N1_TO_1: (-1.0, 1.0),
    RELU6: (0.0, 6.0),
}


def scale_fields(reals: Sequence[float], stages: tuple[BaseStage, ...], datapath: Datapath) -> FieldValues:
    """The fields that a pipeline reads of real multipliers, one per channel or one for all.

    Raises
    ------
    InputError
        If the datapath cannot hold one.
    """
    needed = needed_fields(stages)
    filled = [_filled(Fraction(real), datapath) for real in reals]
    for name, part in datapath.scale.parts.items():
        lost = part is Part.LEFT and name not in needed and _multiplies(needed, datapath)
        if lost and any(fields.get(name, 0) for fields in filled):
            raise InputError("a multiplier is too large", found=max(reals), allowed="below 1")
    return {name: _column([fields[name] for fields in filled]) for name in filled[0] if name in needed}


def given_fields(
    multiplier: int, exponent: int, stages: tuple[BaseStage, ...], datapath: Datapath
) -> FieldValues:
    """The fields of a multiplier of the recipe's width times ``2**exponent``, made by the model's kernel."""
    recipe = datapath.scale
    filled = fields_of(recipe, Fraction(0), multiplier, recipe.magnitude_bits - exponent, datapath.ranges())
    needed = needed_fields(stages)
    return {name: value for name, value in filled.items() if name in needed}


def quantized_multiplier(real: float, datapath: Datapath) -> tuple[int, int]:
    """(multiplier, exponent) with ``real ~ multiplier * 2**(exponent - bits)``."""
    (multiplier,), shift = encode(
        [Fraction(real)], datapath.scale, shift_limits(datapath.scale, datapath.ranges())
    )
    return multiplier, datapath.scale.magnitude_bits - shift


def _filled(real: Fraction, datapath: Datapath) -> dict[str, int]:
    try:
        return fill(real, datapath.scale, datapath.ranges())
    except ArithmeticError as error:
        raise InputError(f"the datapath cannot hold a scale: {error}") from None


def _multiplies(needed: Sequence[str], datapath: Datapath) -> bool:
    return any(part is Part.MULTIPLIER and name in needed for name, part in datapath.scale.parts.items())


def _column(values: Sequence[int]) -> FieldValue:
    return values[0] if len(values) == 1 else np.array(values, np.int64)


def product_ratio(a: np.float32, b: np.float32, y: np.float32) -> float:
    """``a * b / y`` in double precision."""
    return float(a) * float(b) / _positive(y)


def single_product_ratio(a: np.float32, b: np.float32, y: np.float32) -> float:
    """``a * b`` in single precision, divided in double precision: uint8 convolutions."""
    return float(np.float32(a * b)) / _positive(y)


def single_ratio(*factors: np.float32, by: np.float32) -> float:
    """A product of scales over a scale, each operation in single precision."""
    made = factors[0]
    for factor in factors[1:]:
        made = np.float32(made * factor)
    return float(np.float32(made / np.float32(_positive(by))))


def ratio(x: np.float32, y: np.float32) -> float:
    """``x / y`` in double precision."""
    return float(x) / _positive(y)


def _positive(scale: np.float32) -> float:
    if not scale > 0:
        raise InputError("an output's scale must be positive", found=float(scale))
    return float(scale)


def output_fields(
    operator: Operator, y: Tensor, function: int, codes: Codes
) -> tuple[FieldValues, Activation]:
    """`y_zero`, `low` and `high` of an output with a fused activation function (A4)."""
    low, high, activation = clip(operator, y, function, codes)
    return {"y_zero": y.zero_point, "low": low, "high": high}, activation


def clip(operator: Operator, y: Tensor, function: int, codes: Codes) -> tuple[int, int, Activation]:
    """The bounds of a fused activation function as codes, and which of them it set."""
    if function not in _BOUNDS:
        raise operator.error("the fused activation function is not supported", found=function)
    lower, upper = _BOUNDS[function]
    limits = codes.interval
    low = limits.low if lower is None else max(limits.low, code_of(lower, y))
    high = limits.high if upper is None else min(limits.high, code_of(upper, y))
    if low > high:
        raise operator.error("the output's codes do not meet the activation function's range")
    flag = {
        (False, False): Activation.NONE,
        (True, False): Activation.LOW,
        (False, True): Activation.HIGH,
        (True, True): Activation.BOTH,
    }
    return low, high, flag[lower is not None, upper is not None]


def code_of(value: float, y: Tensor) -> int:
    """``round(value / scale)`` in single precision, halves away from zero, plus the zero point."""
    _positive(y.scale)
    return half_away(np.float32(np.float32(value) / y.scale)) + y.zero_point


def half_away(value: np.float32 | float) -> int:
    """The nearest integer, halves away from zero, as C's round."""
    exact = Fraction(float(value))
    magnitude = int(abs(exact) + Fraction(1, 2))
    return magnitude if exact >= 0 else -magnitude
