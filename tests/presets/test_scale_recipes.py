"""The presets' scale recipes against transcriptions of what prepares their models."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import pytest

from npusim.datapath import load_datapath
from npusim.spec.interval import Interval
from npusim.spec.scale import Precision, ScaleRecipe, fill, real_multiplier

COUNT = 3000


def quantize_multiplier(real: float) -> tuple[int, int]:
    """quantization_util.cc, QuantizeMultiplier: (multiplier, exponent)."""
    if real == 0:
        return 0, 0
    fraction, exponent = math.frexp(real)
    fixed = math.floor(fraction * 2.0**31 + 0.5)
    if fixed == 1 << 31:
        fixed, exponent = fixed // 2, exponent + 1
    return (0, 0) if exponent < -31 else (fixed, exponent)


def reals() -> Iterator[float]:
    """Zero, both ends, powers of two and their neighbours, what rounds up to one, and anything."""
    rng = np.random.default_rng(0)
    yield 0.0
    for power in range(-34, 8):
        yield from (math.ldexp(near, power) for near in (1.0, 1 - 2**-33, 1 + 2**-52))
    yield from np.exp2(rng.uniform(-36, 5, COUNT)).tolist()


@pytest.mark.parametrize("preset", ["tflite", "cmsis_nn", "tflite_uint8"])
def test_gemmlowp_multipliers(preset: str) -> None:
    datapath = load_datapath(preset)
    for real in reals():
        multiplier, exponent = quantize_multiplier(real)
        made = fill(Fraction(real), datapath.scale, datapath.ranges())
        expected = {
            "multiplier": multiplier,
            "left_shift": max(exponent, 0),
            "shift": max(-exponent, 0),
        }
        assert {name: made[name] for name in expected} == expected, real


def test_single_rounding_limits_the_exponent() -> None:
    """quantization_util.cc under TFLITE_SINGLE_ROUNDING: above 30 the greatest multiplier at 30."""
    datapath = load_datapath("tflite_single_round")
    for real in (*reals(), 2.0**30, 2.0**31, 2.0**40, 1.7 * 2.0**29):
        multiplier, exponent = quantize_multiplier(real)
        if exponent > 30:
            multiplier, exponent = 2**31 - 1, 30
        made = fill(Fraction(real), datapath.scale, datapath.ranges())
        assert (made["multiplier"], made["shift"]) == (multiplier, 31 - exponent)


def test_int16_multipliers_are_made_from_31_bits() -> None:
    datapath = load_datapath("tflite_int16")
    for real in (*reals(), 1 - 2.0**-20, 1 - 2.0**-16):
        multiplier, exponent = quantize_multiplier(real)
        short = (multiplier + (1 << 15)) >> 16 if multiplier < 0x7FFF0000 else 0x7FFF
        made = fill(Fraction(real), datapath.scale, datapath.ranges())
        assert (made["multiplier16"], made["shift16"], made["multiplier"]) == (
            short,
            15 - exponent,
            multiplier,
        )


def test_float64_fields_hold_the_real_itself() -> None:
    datapath = load_datapath("tflite")
    for real in reals():
        made = fill(Fraction(real), datapath.scale, datapath.ranges())
        assert np.array([made["float_multiplier"]]).view(np.float64)[0] == real


def test_onnxruntime_multiplies_then_divides_in_float32() -> None:
    """qlinearconv.cc: ``X_scale * W_scale / Y_scale``, all of them float."""
    datapath = load_datapath("onnxruntime")
    rng = np.random.default_rng(1)
    scales = np.exp2(rng.uniform(-12, 3, (COUNT, 3))).astype(np.float32)
    expected = (scales[:, 0] * scales[:, 1] / scales[:, 2]).view(np.uint32)
    for row, bits in zip(scales.tolist(), expected.tolist(), strict=True):
        x, w, y = map(Fraction, row)
        real = real_multiplier([x, w], y, datapath.scale.precision)
        assert fill(real, datapath.scale, datapath.ranges()) == {"scale": bits, "multiplier": bits}


@pytest.mark.parametrize(
    ("precision", "product", "quotient"),
    [
        (Precision.FLOAT64, np.float64, np.float64),
        (Precision.FLOAT32, np.float32, np.float32),
        (Precision.FLOAT32_PRODUCT, np.float32, np.float64),
    ],
)
def test_reals_in_the_arithmetic_of_their_source(precision: Precision, product: type, quotient: type) -> None:
    rng = np.random.default_rng(2)
    differ = 0
    for x, w, y in np.exp2(rng.uniform(-12, 3, (COUNT, 3))).astype(np.float32):
        expected = quotient(product(x) * product(w)) / quotient(y)
        exact = [Fraction(float(x)), Fraction(float(w))], Fraction(float(y))
        assert real_multiplier(*exact, precision) == Fraction(float(expected))
        differ += real_multiplier(*exact, precision) != real_multiplier(*exact, Precision.EXACT)
    assert differ > COUNT // 2


def test_powers_of_two_go_left_and_right() -> None:
    datapath = load_datapath("ai8x")
    for power in range(-22, 9):
        made = fill(Fraction(2) ** power, datapath.scale, datapath.ranges())
        assert made == {"left_shift": max(power, 0), "right_shift": max(-power, 0)}
    with pytest.raises(OverflowError, match="needs a shift of -9"):
        fill(Fraction(512), datapath.scale, datapath.ranges())


def test_a_side_without_a_field_is_out_of_reach() -> None:
    recipe = ScaleRecipe(magnitude_bits=31, pivot=31, fills={"right": "right"})  # type: ignore[dict-item]
    with pytest.raises(OverflowError):
        fill(Fraction(3, 2), recipe, {"right": Interval(0, 7)})
