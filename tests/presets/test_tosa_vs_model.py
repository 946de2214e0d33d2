"""The TOSA presets against Arm's TOSA reference model: RESCALE in its forms, ADD, AVG_POOL2D."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from npusim.datapath import load_datapath
from npusim.datapath.operations import PipelineRole
from npusim.kernels.pipeline import compile_pipeline, run
from npusim.steps.pipelines import require_pipeline
from tests.oracles import tosa

Words = npt.NDArray[np.int64]
ROWS, CHANNELS = 250, 400


def ours(preset: str, operation: str, values: Words, fields: dict[str, Any], role: PipelineRole) -> Words:
    stages = require_pipeline(load_datapath(preset), operation, role)
    return run(compile_pipeline(stages, fields, values.shape[-1]), np.array(values, np.int64))


def factors(rng: np.random.Generator, bits: int, low: int, high: int) -> tuple[Words, Words]:
    """Normalised and other multipliers; every shift of a range."""
    multiplier = np.where(
        rng.random(CHANNELS) < 0.8,
        rng.integers(1 << (bits - 1), 1 << bits, CHANNELS),
        rng.integers(0, 1 << bits, CHANNELS),
    )
    multiplier[:3] = 0, (1 << bits) - 1, 1 << (bits - 1)
    return multiplier, low + np.arange(CHANNELS) % (high - low + 1)


def sums(rng: np.random.Generator, multiplier: Words, shift: Words, bits: int) -> Words:
    """What TOSA defines: below 2**(shift - 1), results of int32; ties and steps of codes often."""
    limit = np.minimum(np.exp2(shift - 1.0), 2.0 ** (bits - 1)) - 1
    limit = np.minimum(limit, np.exp2(shift + 30.0) / np.maximum(multiplier, 1))
    step = np.exp2(1.0 * shift) / np.maximum(multiplier, 1)
    near = np.rint((rng.integers(-140, 140, (ROWS, CHANNELS)) + 0.5) * step) + rng.integers(
        -1, 2, (ROWS, CHANNELS)
    )
    any_ = rng.uniform(-1, 1, (ROWS, CHANNELS)) * limit
    made = np.where(rng.random((ROWS, CHANNELS)) < 0.7, near, any_)
    return np.trunc(np.clip(made, -limit, limit)).astype(np.int64)


@pytest.mark.parametrize(
    ("preset", "rounding"),
    [("tosa", tosa.Rounding.SINGLE), ("tosa_double_round", tosa.Rounding.DOUBLE)],
)
def test_rescale_of_32_bits(preset: str, rounding: tosa.Rounding) -> None:
    tosa.require_tosa()
    rng = np.random.default_rng(1)
    multiplier, shift = factors(rng, 31, 2, 62)
    values = sums(rng, multiplier, shift, 32)
    fields: dict[str, Any] = {"multiplier": multiplier, "y_zero": -5, "low": -128, "high": 127}
    if preset == "tosa":
        fields["shift"] = shift
    else:
        fields |= {"first_shift": np.minimum(shift, 31), "right_shift": np.maximum(shift - 31, 0)}
    made = ours(preset, "mac", values, fields, PipelineRole.RESULT)
    case = tosa.Rescale(multiplier, shift, out_zero=-5, rounding=rounding)
    (theirs,) = tosa.run_cases([tosa.RescaleCase(values.astype(np.int32)[:, None, None, :], case)])
    np.testing.assert_array_equal(made, theirs.reshape(values.shape))
    assert np.unique(made).size > 200


def test_the_two_roundings_differ() -> None:
    """Otherwise the test above could not tell the presets apart."""
    rng = np.random.default_rng(1)
    multiplier, shift = factors(rng, 31, 34, 50)
    values = sums(rng, multiplier, shift, 32)
    common = {"multiplier": multiplier, "y_zero": 0, "low": -128, "high": 127}
    single = ours("tosa", "mac", values, {**common, "shift": shift}, PipelineRole.RESULT)
    split = {"first_shift": np.minimum(shift, 31), "right_shift": np.maximum(shift - 31, 0)}
    double = ours("tosa_double_round", "mac", values, {**common, **split}, PipelineRole.RESULT)
    assert (single != double).any()


def test_rescale_of_48_bits() -> None:
    tosa.require_tosa()
    rng = np.random.default_rng(2)
    multiplier, shift = factors(rng, 15, 2, 62)
    values = sums(rng, multiplier, shift, 48)
    fields = {"multiplier16": multiplier, "shift16": shift, "y_zero": 0, "low": -(2**15), "high": 2**15 - 1}
    made = ours("tosa_int16", "mac", values, fields, PipelineRole.RESULT)
    case = tosa.Rescale(multiplier, shift, out=tosa.Out.INT16, width=tosa.MultiplierWidth.BITS16)
    (theirs,) = tosa.run_cases([tosa.RescaleCase(values[:, None, None, :], case)])
    np.testing.assert_array_equal(made, theirs.reshape(values.shape))


def test_addition_is_three_rescales_and_an_add() -> None:
    tosa.require_tosa()
    rng = np.random.default_rng(3)
    one = np.arange(-128, 128).repeat(256)[:, None]
    codes = one, np.tile(np.arange(-128, 128), 256)[:, None]
    zeros = (7, -90)
    scales = [(int(rng.integers(2**30, 2**31)), int(rng.integers(11, 14))) for _ in range(2)]
    aligned, requests = [], []
    for code, zero, (multiplier, shift) in zip(codes, zeros, scales, strict=True):
        fields = {"x_zero": zero, "multiplier": multiplier, "shift": shift}
        aligned.append(ours("tosa", "add", code, fields, PipelineRole.OPERAND))
        rescale = tosa.Rescale(np.array([multiplier]), np.array([shift]), 0, zero, tosa.Out.INT32)
        requests.append(tosa.RescaleCase(code.astype(np.int8)[:, None, None, :], rescale))
    a, b = tosa.run_cases(requests)
    np.testing.assert_array_equal(aligned[0], a.reshape(-1, 1))
    np.testing.assert_array_equal(aligned[1], b.reshape(-1, 1))
    (total,) = tosa.run_cases([tosa.AddCase(a.astype(np.int32), b.astype(np.int32))])
    last = {"multiplier": 2**30 + 12345, "shift": 52}
    end = {**last, "y_zero": 3, "low": -128, "high": 127}
    made = ours("tosa", "add", aligned[0] + aligned[1], end, PipelineRole.RESULT)
    rescale = tosa.Rescale(np.array([last["multiplier"]]), np.array([last["shift"]]), out_zero=3)
    (theirs,) = tosa.run_cases([tosa.RescaleCase(total.astype(np.int32), rescale)])
    np.testing.assert_array_equal(made, theirs.reshape(-1, 1))
    assert np.unique(made).size > 50


@pytest.mark.parametrize("kernel", [(1, 1), (2, 2), (3, 2), (5, 5), (7, 9)])
def test_average_pool(kernel: tuple[int, int]) -> None:
    """One multiplier and shift per window size, by the operator's own rule."""
    tosa.require_tosa()
    rng = np.random.default_rng(4)
    count = kernel[0] * kernel[1]
    x = rng.integers(-128, 128, (1, *kernel, 300)).astype(np.int8)
    x[..., 0], x[..., 1] = -128, 127
    k = (count - 1).bit_length()
    multiplier, shift = (((1 << 30) + 1) << k) // count, 30 + k
    fields = {"multiplier": multiplier, "shift": shift, "y_zero": -3, "low": -128, "high": 127}
    totals = (x.astype(np.int64) - 11).sum(axis=(1, 2))
    made = ours("tosa", "average_pool", totals, fields, PipelineRole.RESULT)
    (theirs,) = tosa.run_cases([tosa.AvgPoolCase(x, kernel, x_zero=11, y_zero=-3)])
    np.testing.assert_array_equal(made, theirs.reshape(1, -1))
