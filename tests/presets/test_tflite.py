"""TFLite, CMSIS-NN: the presets against transcriptions of their C++ (gemmlowp and common.cc)."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pytest

from npusim.datapath.operations import PipelineRole
from tests.presets.agreement import CASES, Words, assert_agree, bounds, integers, near_steps
from tests.presets.c_arithmetic import clip, int32, quotient

Row = Mapping[str, int]
INT32 = -(2**31), 2**31 - 1


def doubling_high_multiply(a: int, b: int) -> int:
    """gemmlowp's SaturatingRoundingDoublingHighMul as published: a nudge by sign, a division."""
    if a == b == INT32[0]:
        return INT32[1]
    nudge = 1 << 30 if a * b >= 0 else 1 - (1 << 30)
    return quotient(a * b + nudge, 1 << 31)


def divide_by_power(x: int, exponent: int) -> int:
    """gemmlowp's RoundingDivideByPOT."""
    mask = (1 << exponent) - 1
    threshold = (mask >> 1) + (1 if x < 0 else 0)
    return (x >> exponent) + (1 if x & mask > threshold else 0)


def multiply_twice_rounded(x: int, multiplier: int, exponent: int) -> int:
    """MultiplyByQuantizedMultiplier(int32, ...)."""
    left, right = max(exponent, 0), max(-exponent, 0)
    return divide_by_power(doubling_high_multiply(int32(x * (1 << left)), multiplier), right)


def multiply_once_rounded(x: int, multiplier: int, exponent: int) -> int:
    """The same under TFLITE_SINGLE_ROUNDING."""
    total = 31 - exponent
    return int32((x * multiplier + (1 << (total - 1))) >> total)


def multiply_int64(x: int, multiplier: int, exponent: int) -> int:
    """MultiplyByQuantizedMultiplier(int64, ...)."""
    reduced = (multiplier + (1 << 15)) >> 16 if multiplier < 0x7FFF0000 else 0x7FFF
    total = 15 - exponent
    return int32((x * reduced + (1 << (total - 1))) >> total)


def c_round(x: float) -> int:
    """C's round(): ties away from zero."""
    whole = math.trunc(x)
    return whole + (int(math.copysign(1, x)) if abs(x - whole) >= 0.5 else 0)


def scales(rng: np.random.Generator, least: int = -31, greatest: int = 30) -> tuple[Words, Words]:
    """Multipliers and exponents as QuantizeMultiplier makes them; zero and the ends among them."""
    multiplier = np.where(rng.random(CASES) < 0.03, 0, integers(rng, 0, 2**30 - 1) + 2**30)
    exponent = np.where(
        rng.random(CASES) < 0.2,
        rng.integers(least, greatest, CASES, endpoint=True),
        rng.integers(max(least, -14), min(greatest, 1), CASES, endpoint=True),
    )
    return multiplier, exponent


def split(multiplier: Words, exponent: Words) -> dict[str, Words]:
    return {
        "multiplier": multiplier,
        "left_shift": np.maximum(exponent, 0),
        "shift": np.maximum(-exponent, 0),
    }


def exponent_of(row: Row) -> int:
    return row["left_shift"] - row["shift"]


def real(multiplier: Words, exponent: Words) -> npt.NDArray[np.float64]:
    return np.ldexp(multiplier.astype(np.float64), exponent.astype(np.int32) - 31)


def output(rng: np.random.Generator, bits: int = 8) -> dict[str, Words]:
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    return {"y_zero": integers(rng, low, high), **bounds(rng, low, high)}


def finished(value: int, row: Row) -> int:
    return clip(value + row["y_zero"], row["low"], row["high"])


@pytest.mark.parametrize(
    ("preset", "operation"), [("tflite", "conv2d"), ("tflite", "depthwise_conv2d"), ("cmsis_nn", "conv2d")]
)
def test_convolutions_round_twice(preset: str, operation: str) -> None:
    rng = np.random.default_rng(1)
    multiplier, exponent = scales(rng)
    fields = split(multiplier, exponent) | output(rng)
    values = near_steps(rng, real(multiplier, exponent), *INT32)

    def formula(acc: int, row: Row) -> int:
        return finished(multiply_twice_rounded(acc, row["multiplier"], exponent_of(row)), row)

    assert_agree(preset, operation, fields, values, formula)


def test_fully_connected_multiplies_by_a_double() -> None:
    """fully_connected.h: ``round(static_cast<double>(acc) * effective_output_scale)``."""
    rng = np.random.default_rng(2)
    ratio = np.exp2(rng.uniform(-24, 1, CASES))
    ratio[::3] = np.exp2(rng.integers(-24, 1, len(ratio[::3])))
    fields = {"float_multiplier": ratio.view(np.int64), **output(rng)}

    def formula(acc: int, row: Row) -> int:
        (scale,) = struct.unpack("<d", struct.pack("<q", row["float_multiplier"]))
        return finished(c_round(float(acc) * scale), row)

    assert_agree("tflite", "dense", fields, near_steps(rng, ratio, *INT32), formula)


def test_cmsis_nn_fully_connected_rounds_twice() -> None:
    """arm_nn_requantize: arm_nn_doubling_high_mult_no_sat, then arm_nn_divide_by_power_of_two."""

    def requantize(value: int, multiplier: int, shift: int) -> int:
        high = ((1 << 30) + int32(value << max(shift, 0)) * multiplier) >> 31
        exponent = max(-shift, 0)
        mask = (1 << exponent) - 1
        result = high >> exponent
        threshold = (mask >> 1) + (1 if result < 0 else 0)
        return result + (1 if high & mask > threshold else 0)

    rng = np.random.default_rng(3)
    multiplier, exponent = scales(rng)
    fields = split(multiplier, exponent) | output(rng)
    values = near_steps(rng, real(multiplier, exponent), *INT32)

    def formula(acc: int, row: Row) -> int:
        return finished(requantize(acc, row["multiplier"], exponent_of(row)), row)

    assert_agree("cmsis_nn", "dense", fields, values, formula)


def test_single_rounding() -> None:
    rng = np.random.default_rng(4)
    multiplier, exponent = scales(rng, greatest=8)
    fields = {"multiplier": multiplier, "shift": 31 - exponent, **output(rng)}
    values = near_steps(rng, real(multiplier, exponent), *INT32)

    def formula(acc: int, row: Row) -> int:
        return finished(multiply_once_rounded(acc, row["multiplier"], 31 - row["shift"]), row)

    assert_agree("tflite_single_round", "conv2d", fields, values, formula)


def test_int16_convolutions_keep_16_bits_of_the_multiplier() -> None:
    rng = np.random.default_rng(5)
    multiplier, exponent = scales(rng, greatest=7)
    short = np.where(multiplier < 0x7FFF0000, (multiplier + (1 << 15)) >> 16, 0x7FFF)
    fields = {"multiplier16": short, "shift16": 15 - exponent, **output(rng, 16)}
    values = near_steps(rng, real(multiplier, exponent), -(2**47), 2**47 - 1, 33000)
    whole = multiplier.tolist()
    by_case = iter(whole)

    def formula(acc: int, row: Row) -> int:
        return finished(multiply_int64(acc, next(by_case), 15 - row["shift16"]), row)

    assert_agree("tflite_int16", "conv2d", fields, values, formula)


@pytest.mark.parametrize("operation", ["conv2d", "dense"])
def test_cmsis_nn_int16_shifts_twice_and_rounds_once(operation: str) -> None:
    """arm_nn_requantize_s64: down to 32 bits with one bit too many, then that bit rounds."""
    rng = np.random.default_rng(15)
    multiplier, exponent = scales(rng, greatest=7)
    short = np.where(multiplier < 0x7FFF0000, (multiplier + (1 << 15)) >> 16, 0x7FFF)
    fields = {"multiplier16": short, "shift16": 15 - exponent, **output(rng, 16)}
    # Where the 32 bits are not left, as the source asks for.
    values = near_steps(rng, real(multiplier, exponent), -(2**47), 2**47 - 1, 33000)
    most = np.floor(2.0**30 / np.maximum(real(multiplier, exponent), 2.0**-20)).astype(np.int64)
    values = np.clip(values, -most, most)

    def formula(acc: int, row: Row) -> int:
        return finished(((acc * row["multiplier16"] >> (row["shift16"] - 1)) + 1) >> 1, row)

    assert_agree("cmsis_nn_int16", operation, fields, values, formula)


@pytest.mark.parametrize(("preset", "bits", "left"), [("tflite", 8, 20), ("tflite_int16", 16, 15)])
def test_add(preset: str, bits: int, left: int) -> None:
    """add.h: both inputs and the sum by MultiplyByQuantizedMultiplierSmallerThanOneExp."""
    rng = np.random.default_rng(6)
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    multiplier, exponent = scales(rng, greatest=0)
    operand = {"multiplier": multiplier, "shift": -exponent, "x_zero": integers(rng, low, high)}
    codes = integers(rng, low, high)

    def aligned(code: int, row: Row) -> int:
        shifted = (code - row["x_zero"]) * (1 << left)
        return multiply_twice_rounded(shifted, row["multiplier"], -row["shift"])

    assert_agree(preset, "add", operand, codes, aligned, PipelineRole.OPERAND)
    result = {"multiplier": multiplier, "shift": -exponent, **output(rng, bits)}
    sums = near_steps(rng, real(multiplier, exponent), -(2**29), 2**29, 1 << bits)

    def summed(total: int, row: Row) -> int:
        return finished(multiply_twice_rounded(total, row["multiplier"], -row["shift"]), row)

    assert_agree(preset, "add", result, sums, summed)


def test_mul() -> None:
    rng = np.random.default_rng(7)
    multiplier, exponent = scales(rng, greatest=8)
    fields = split(multiplier, exponent) | output(rng)
    values = near_steps(rng, real(multiplier, exponent), -(255**2), 255**2)

    def formula(product: int, row: Row) -> int:
        return finished(multiply_twice_rounded(product, row["multiplier"], exponent_of(row)), row)

    assert_agree("tflite", "mul", fields, values, formula)


def test_requantize() -> None:
    """reference/requantize.h, which is what concat does to an input of another scale."""
    rng = np.random.default_rng(8)
    multiplier, exponent = scales(rng, greatest=8)
    fields = split(multiplier, exponent) | output(rng) | {"x_zero": integers(rng, -128, 127)}

    def formula(code: int, row: Row) -> int:
        value = multiply_twice_rounded(code - row["x_zero"], row["multiplier"], exponent_of(row))
        return finished(value, row)

    assert_agree("tflite", "concat", fields, integers(rng, -128, 127), formula, PipelineRole.OPERAND)


@pytest.mark.parametrize(("preset", "low", "high"), [("tflite", -128, 127), ("tflite_uint8", 0, 255)])
def test_average_pool_divides(preset: str, low: int, high: int) -> None:
    """reference/integer_ops/pooling.h: half the count is added away from zero, then C divides."""
    rng = np.random.default_rng(9)
    count = np.where(rng.random(CASES) < 0.5, rng.integers(1, 50, CASES), rng.integers(1, 65536, CASES))
    fields = {"count": count, **bounds(rng, low, high)}
    values = near_steps(rng, 1 / count, 255 * low, 255 * high)
    values = np.clip(values, low * count, high * count)

    def formula(acc: int, row: Row) -> int:
        half = row["count"] // 2
        average = quotient(acc + half if acc > 0 else acc - half, row["count"])
        return clip(average, row["low"], row["high"])

    assert_agree(preset, "average_pool", fields, values, formula)
