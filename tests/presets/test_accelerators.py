"""Open accelerators: each preset against a transcription of its source's formula."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction

import numpy as np
import pytest

from npusim.datapath import load_datapath
from npusim.spec.scale import fill
from tests.presets.agreement import CASES, assert_agree, bounds, integers, near_steps
from tests.presets.c_arithmetic import clip, int32

Row = Mapping[str, int]
INT32 = -(2**31), 2**31 - 1


def shifts(rng: np.random.Generator, greatest: int) -> np.ndarray:
    """Shifts of 0 to the greatest; both often."""
    drawn = rng.integers(0, greatest, CASES, endpoint=True)
    return np.where(rng.random(CASES) < 0.1, rng.choice([0, 1, greatest], CASES), drawn)


def saturated(value: int, bits: int) -> int:
    return clip(value, -(1 << (bits - 1)), (1 << (bits - 1)) - 1)


def test_nvdla() -> None:
    """sdp_c.cpp, nvdla_int.h: truncation adds half to the magnitude; CVT saturates to 17 bits, then 8."""

    def truncate(value: int, bits: int) -> int:
        magnitude = math.floor(Fraction(abs(value), 2**bits) + Fraction(1, 2))
        return magnitude if value >= 0 else -magnitude

    rng = np.random.default_rng(1)
    multiplier, shift = integers(rng, -(2**15), 2**15 - 1), shifts(rng, 40)
    truncated = np.where(rng.random(CASES) < 0.6, 0, rng.integers(0, 12, CASES))
    fields = {
        "truncate": truncated,
        "bs_operand": np.where(
            rng.random(CASES) < 0.7, rng.integers(-999, 999, CASES), integers(rng, *INT32)
        ),
        "offset": np.where(rng.random(CASES) < 0.7, rng.integers(-99, 99, CASES), integers(rng, *INT32)),
        "multiplier": multiplier,
        "shift": shift,
        **bounds(rng, -128, 127),
    }
    ratio = multiplier * np.exp2(-1.0 * (shift + truncated))
    values = near_steps(rng, ratio, -(2**33), 2**33 - 1)

    def formula(psum: int, row: Row) -> int:
        acc = saturated(truncate(psum, row["truncate"]), 32)
        biased = saturated(acc + row["bs_operand"], 32)
        scaled = (biased - row["offset"]) * row["multiplier"]
        code = saturated(saturated(truncate(scaled, row["shift"]), 17), 8)
        return clip(code, row["low"], row["high"])

    assert_agree("nvdla", "mac", fields, values, formula)


def test_vta() -> None:
    """sim_driver.cc: add, shift (left for negative amounts), min, max, and a store of the low byte."""
    rng = np.random.default_rng(2)
    amount = rng.integers(-8, 25, CASES)
    narrow = bounds(rng, -128, 127)
    fields = {
        "left_shift": np.maximum(-amount, 0),
        "shift": np.maximum(amount, 0),
        "low": np.where(rng.random(CASES) < 0.3, -(2**15), narrow["low"]),
        "high": np.where(rng.random(CASES) < 0.3, 2**15 - 1, narrow["high"]),
    }
    values = near_steps(rng, np.exp2(-1.0 * amount), *INT32)

    def formula(acc: int, row: Row) -> int:
        by = row["shift"] - row["left_shift"]
        value = acc >> by if by >= 0 else int32(acc << -by)
        value = min(max(value, row["low"]), row["high"])
        return (value + 128) % 256 - 128

    assert_agree("vta", "mac", fields, values, formula)


def test_gemmini_output_stationary() -> None:
    """PE.scala: the accumulator shifted, half to even, onto the 20-bit bus, then clipped to int8."""
    rng = np.random.default_rng(3)
    shift = shifts(rng, 31)
    fields = {"shift": shift, **bounds(rng, -128, 127)}

    def formula(acc: int, row: Row) -> int:
        code = saturated(saturated(round(Fraction(acc, 2 ** row["shift"])), 20), 8)
        return clip(code, row["low"], row["high"])

    values = near_steps(rng, np.exp2(-1.0 * shift), *INT32)
    assert_agree("gemmini_os", "mac", fields, values, formula)


def test_neureka() -> None:
    """NeuralEngineFunctionalModel.py: int32 product, int32 bias, ReLU, floor shift, clip to a byte."""
    rng = np.random.default_rng(4)
    scale, shift = integers(rng, 0, 255), shifts(rng, 31)
    fields = {
        "multiplier": scale,
        "norm_bias": integers(rng, *INT32) >> rng.integers(0, 31, CASES),
        "shift": shift,
        "low": np.zeros(CASES, np.int64),
        "high": np.full(CASES, 255),
    }
    values = near_steps(rng, scale * np.exp2(-1.0 * shift), *INT32, 300)

    def formula(acc: int, row: Row) -> int:
        biased = int32(int32(acc * row["multiplier"]) + row["norm_bias"])
        return min(max(biased, 0) >> row["shift"], 255)

    assert_agree("neureka", "mac", fields, values, formula)


def test_pulp() -> None:
    """Deeploy's RequantShift: multiply and add in int32, half of the divisor, shift, offset, clip."""
    rng = np.random.default_rng(5)
    multiplier, shift = integers(rng, -(2**16), 2**16), shifts(rng, 31)
    fields = {
        "multiplier": multiplier,
        "addend": integers(rng, *INT32) >> rng.integers(0, 31, CASES),
        "shift": shift,
        "y_zero": integers(rng, -128, 127),
        **bounds(rng, -128, 127),
    }
    values = near_steps(rng, multiplier * np.exp2(-1.0 * shift), *INT32)

    def formula(acc: int, row: Row) -> int:
        value = int32(acc * row["multiplier"] + row["addend"])
        if row["shift"]:
            value = (value + (1 << (row["shift"] - 1))) >> row["shift"]
        return clip(value + row["y_zero"], row["low"], row["high"])

    assert_agree("pulp", "mac", fields, values, formula)


def test_ai8x() -> None:
    """izer/simulate.py, in its own floats: ``floor(0.5 + acc / (128 / 2^s))``, clip, activate."""
    rng = np.random.default_rng(6)
    amount = rng.integers(-15, 15, CASES, endpoint=True)
    by = 7 - amount
    fields = {
        "left_shift": np.maximum(-by, 0),
        "right_shift": np.maximum(by, 0),
        "low": np.where(rng.random(CASES) < 0.5, 0, -128),
        "high": np.full(CASES, 127),
    }
    values = near_steps(rng, np.exp2(-1.0 * by), *INT32)

    def formula(acc: int, row: Row) -> int:
        s = 7 - (row["right_shift"] - row["left_shift"])
        code = clip(math.floor(0.5 + acc / (128 / 2.0**s)), -128, 127)
        return max(code, 0) if row["low"] == 0 else code

    assert_agree("ai8x", "mac", fields, values, formula)


def test_ethos_u() -> None:
    """TFL rounding: gemmlowp's two steps on a scale and a shift of 0..63."""
    rng = np.random.default_rng(7)
    multiplier = integers(rng, 0, 2**30 - 1) + 2**30
    total = np.where(rng.random(CASES) < 0.2, shifts(rng, 63), rng.integers(24, 50, CASES))
    fields = {
        "multiplier": multiplier,
        "first_shift": np.minimum(total, 31),
        "right_shift": np.maximum(total - 31, 0),
        "y_zero": integers(rng, -128, 127),
        **bounds(rng, -128, 127),
    }
    values = near_steps(rng, multiplier * np.exp2(-1.0 * total), *INT32)

    def formula(acc: int, row: Row) -> int:
        exponent = 31 - row["first_shift"] - row["right_shift"]
        high = (acc * 2 ** max(exponent, 0) * row["multiplier"] + 2**30) >> 31
        power = 2 ** max(-exponent, 0)
        magnitude = (abs(high) + power // 2) // power
        value = saturated(magnitude if high >= 0 else -magnitude, 32)
        return clip(value + row["y_zero"], row["low"], row["high"])

    assert_agree("ethos_u", "mac", fields, values, formula)


@pytest.mark.parametrize("exponent", [-40, -33, -32, -31, -10, 0, 30, 31, 32])
def test_vela_encodes_scales(exponent: int) -> None:
    """scaling.py, quantise_scale: frexp, half away, and nothing outside 0..63."""
    datapath = load_datapath("ethos_u")
    for real in np.random.default_rng(exponent + 99).uniform(0.5, 1, 50).tolist():
        fraction, power = math.frexp(math.ldexp(real, exponent))
        scale, shift = math.floor(fraction * 2.0**31 + 0.5), 31 - power
        if not 0 <= shift <= 63:
            scale, shift = 0, 16
        made = fill(Fraction(math.ldexp(real, exponent)), datapath.scale, datapath.ranges())
        assert (made["multiplier"], made["shift"]) == (scale, shift)
        assert made["first_shift"] + made["right_shift"] == shift
