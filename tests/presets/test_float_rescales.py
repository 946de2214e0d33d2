"""Rescales in float32: ONNX Runtime and Gemmini, against numpy's float32."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pytest

from tests.presets.agreement import CASES, Words, assert_agree, bounds, integers, near_steps

Row = Mapping[str, int]


def float_scales(rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Scales of all sizes that make sense, and powers of two, where ties are."""
    scale = np.exp2(rng.uniform(-26, 2, CASES)).astype(np.float32)
    scale[::3] = np.exp2(rng.integers(-26, 2, len(scale[::3])))
    scale[::1000] = 0
    return scale


def bits(scale: npt.NDArray[np.float32]) -> Words:
    return scale.view(np.uint32).astype(np.int64)


def scale_of(row: Row) -> np.float32:
    return np.array([row["scale"]], np.uint32).view(np.float32)[0]


@pytest.mark.parametrize(
    ("preset", "low", "high"), [("onnxruntime", 0, 255), ("onnxruntime_int8", -128, 127)]
)
def test_onnxruntime_clamps_then_rounds_half_to_even(preset: str, low: int, high: int) -> None:
    """MlasRequantizeOutput: convert, multiply, clamp in float to ``qmin - zp .. qmax - zp``, round, add."""
    rng = np.random.default_rng(1)
    scale = float_scales(rng)
    ends = {"low": np.full(CASES, low), "high": np.full(CASES, high)}
    fields = {"scale": bits(scale), "y_zero": integers(rng, low, high), **ends}
    values = near_steps(rng, scale.astype(np.float64), -(2**31), 2**31 - 1, 300)

    def formula(acc: int, row: Row) -> int:
        product = np.float32(np.float32(acc) * scale_of(row))
        clamped = min(max(product, np.float32(low - row["y_zero"])), np.float32(high - row["y_zero"]))
        return int(np.rint(clamped)) + row["y_zero"]

    assert_agree(preset, "mac", fields, values, formula)


def test_gemmini_reads_accumulators_out_through_a_float() -> None:
    """Arithmetic.scala: float of the accumulator, times scale, to integer half to even, clipped to int8."""
    rng = np.random.default_rng(2)
    scale = float_scales(rng)
    fields = {"scale": bits(scale), **bounds(rng, -128, 127)}
    values = near_steps(rng, scale.astype(np.float64), -(2**31), 2**31 - 1)

    def formula(acc: int, row: Row) -> int:
        rounded = int(np.rint(np.float32(acc) * scale_of(row)))
        return min(max(min(max(rounded, -128), 127), row["low"]), row["high"])

    assert_agree("gemmini", "mac", fields, values, formula)
