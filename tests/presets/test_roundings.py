"""Hardware whose rounding is a mode: every mode by its vendor's definition, in exact fractions."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from fractions import Fraction

import numpy as np
import pytest

from npusim.datapath import load_datapath
from npusim.datapath.load import change_datapath
from tests.presets.agreement import CASES, assert_agree, bounds, near_steps
from tests.presets.c_arithmetic import clip

HALF = Fraction(1, 2)
Mode = Callable[[Fraction], int]


def by_magnitude(mode: Mode) -> Mode:
    return lambda x: mode(x) if x >= 0 else -mode(-x)


def to_odd(x: Fraction) -> int:
    return round(x + 1) - 1


FLOOR: Mode = math.floor
CEIL: Mode = math.ceil


def half_up(x: Fraction) -> int:
    return math.floor(x + HALF)


def half_down(x: Fraction) -> int:
    return math.ceil(x - HALF)


AIE: dict[str, tuple[str, Mode]] = {
    "floor": ("floor", FLOOR),
    "ceil": ("ceil", CEIL),
    "pos_inf": ("half_up", half_up),
    "neg_inf": ("half_down", half_down),
    "sym_inf": ("half_away", by_magnitude(half_up)),
    "sym_zero": ("half_toward_zero", by_magnitude(half_down)),
    "conv_even": ("half_even", round),
    "conv_odd": ("half_odd", to_odd),
}
AIE_ML = {
    **AIE,
    "sym_floor": ("toward_zero", by_magnitude(FLOOR)),
    "sym_ceil": ("away", by_magnitude(CEIL)),
}
AP_FIXED: dict[str, tuple[str, Mode]] = {
    "AP_TRN": ("floor", FLOOR),
    "AP_TRN_ZERO": ("toward_zero", math.trunc),
    "AP_RND": ("half_up", half_up),
    "AP_RND_ZERO": ("half_toward_zero", by_magnitude(half_down)),
    "AP_RND_MIN_INF": ("half_down", half_down),
    "AP_RND_INF": ("half_away", by_magnitude(half_up)),
    "AP_RND_CONV": ("half_even", round),
}


@pytest.mark.parametrize(
    ("preset", "bits", "rule", "mode"),
    [
        *[pytest.param("aie", 48, *found, id=f"aie-{name}") for name, found in AIE.items()],
        *[pytest.param("aie_ml", 32, *found, id=f"aie_ml-{name}") for name, found in AIE_ML.items()],
    ],
)
def test_aie_srs(preset: str, bits: int, rule: str, mode: Mode) -> None:
    rng = np.random.default_rng(1)
    shift = rng.integers(0, bits, CASES)
    fields = {"shift": shift, **bounds(rng, -128, 127)}
    values = near_steps(rng, np.exp2(-1.0 * shift), -(1 << (bits - 1)), (1 << (bits - 1)) - 1)

    def formula(acc: int, row: Mapping[str, int]) -> int:
        code = clip(mode(Fraction(acc, 2 ** row["shift"])), -128, 127)
        return clip(code, row["low"], row["high"])

    changed = change_datapath(load_datapath(preset), {"pipelines.mac.result[0].rounding": rule}, "mode")
    assert_agree(changed, "mac", fields, values, formula)


def test_presets_have_the_modes_their_titles_name() -> None:
    for name, place, rule in (
        ("aie", 0, "half_up"),
        ("aie_ml", 0, "half_even"),
        ("hls", 1, "floor"),
        ("hls_rnd_sat", 1, "half_up"),
        ("dpu", 1, "half_up"),
    ):
        stages = load_datapath(name).pipelines["mac"].result
        assert stages is not None
        assert getattr(stages[place], "rounding") == rule  # noqa: B009 - stages without one have no such name


@pytest.mark.parametrize(("preset", "wraps"), [("hls", True), ("hls_rnd_sat", False)])
@pytest.mark.parametrize("name", AP_FIXED)
def test_ap_fixed_assignment(preset: str, wraps: bool, name: str) -> None:
    """ap_fixed_base.h: quantize the fraction bits that are lost, then overflow into the target's width."""
    rule, mode = AP_FIXED[name]
    rng = np.random.default_rng(2)
    lost = rng.integers(-8, 30, CASES)
    fields = {
        "left_shift": np.maximum(-lost, 0),
        "right_shift": np.maximum(lost, 0),
        "low": np.full(CASES, -(2**15)),
        "high": np.full(CASES, 2**15 - 1),
    }
    values = near_steps(rng, np.exp2(-1.0 * lost), -(2**39), 2**39 - 1, 40000)

    def formula(acc: int, row: Mapping[str, int]) -> int:
        code = mode(Fraction(acc) / Fraction(2) ** (row["right_shift"] - row["left_shift"]))
        return (code + 2**15) % 2**16 - 2**15 if wraps else clip(code, -(2**15), 2**15 - 1)

    changed = change_datapath(load_datapath(preset), {"pipelines.mac.result[1].rounding": rule}, "mode")
    assert_agree(changed, "mac", fields, values, formula)


@pytest.mark.parametrize(("rule", "mode"), [("half_up", half_up), ("half_even", round)])
def test_dpu(rule: str, mode: Mode) -> None:
    """DPU_ROUND and PY3_ROUND at ``pos_in + pos_w - pos_out``."""
    rng = np.random.default_rng(3)
    shift = rng.integers(-10, 25, CASES)
    fields = {
        "left_shift": np.maximum(-shift, 0),
        "right_shift": np.maximum(shift, 0),
        **bounds(rng, -128, 127),
    }

    def formula(acc: int, row: Mapping[str, int]) -> int:
        code = mode(Fraction(acc) / Fraction(2) ** (row["right_shift"] - row["left_shift"]))
        return clip(clip(code, -128, 127), row["low"], row["high"])

    values = near_steps(rng, np.exp2(-1.0 * shift), -(2**31), 2**31 - 1)
    changed = change_datapath(load_datapath("dpu"), {"pipelines.mac.result[1].rounding": rule}, "mode")
    assert_agree(changed, "mac", fields, values, formula)
