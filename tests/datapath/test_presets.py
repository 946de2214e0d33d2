"""The presets load, and each variant of wes_npu differs from it in exactly what it says."""

from __future__ import annotations

from fractions import Fraction
from itertools import zip_longest
from typing import Any

import pytest

from npusim.datapath import Granularity, load_datapath, preset_names
from npusim.datapath.checks import derive_pipeline
from npusim.datapath.operations import PipelineRole
from npusim.spec.interval import Interval
from npusim.spec.pipeline import run
from npusim.spec.rounding import Rounding
from npusim.spec.scale import encode

MAC_ROUNDING = "pipelines.mac.result[1].rounding"
HALF_UP = {"signed": True, "rounding": "half_up", "rule": "W4", "stage": "shift_right"}
MULTIPLY = {"signed": True, "bits": 49, "rule": "W4", "by": "multiplier", "stage": "multiply"}
ADD = {"signed": True, "rule": "W4", "operand": "y_zero", "stage": "add"}
CLAMP = {"signed": True, "rule": "W4", "low": "low", "high": "high", "stage": "clamp"}
SHIFT, INVERSE = {**HALF_UP, "by": ["shift"]}, {**HALF_UP, "by": ["inverse_shift"]}

DIFFERENCES: dict[str, dict[str, Any]] = {
    **{f"wes_npu_{rule}": {MAC_ROUNDING: rule.value} for rule in Rounding if rule is not Rounding.HALF_UP},
    "wes_npu_per_channel": {"fields.multiplier.per": "channel"},
    "wes_npu_acc24_wrap": {
        "mac.accumulator.bits": 24,
        "mac.accumulator.overflow": "wrap",
        "mac.bias.bits": 24,
    },
    "wes_npu_multiplier31": {
        "fields.multiplier.bits": 31,
        "scale.magnitude_bits": 31,
        "pipelines.mac.result[0].bits": 64,
        "pipelines.average_pool.result[0].bits": 64,
    },
    "wes_npu_rex": {"mac.expansion": {"orders": 4, "form": "shared_accumulator", "max_shift": 8}},
    "wes_npu_rex_act16": {
        "activation.bits": 16,
        "mac.expansion": {
            "orders": 4,
            "form": "shared_accumulator",
            "max_shift": 8,
            "input_bits": 8,
        },
        **{f"fields.{name}.bits": 16 for name in ("x_zero", "y_zero", "low", "high", "table")},
        "pipelines.table.result[0].index_bits": 9,
        "pipelines.table.result[0].fraction_bits": 7,
        "pipelines.table.result[0].rounding": "half_up",
        "pipelines.table.result[0].rule": "A8",
    },
    "wes_npu_rex_multipliers": {
        "mac.expansion": {"orders": 4, "form": "multiplier_per_order", "max_shift": 0},
        "fields.align": {"bits": 3, "signed": False, "per": "layer"},
        "pipelines.expansion": {
            "operand": [
                {"signed": True, "bits": 49, "rule": "A7", "by": "multiplier", "stage": "multiply"},
                {"signed": True, "bits": 56, "rule": "A7", "by": "align", "stage": "shift_left"},
            ],
            "result": [{**HALF_UP, "by": ["shift", "inverse_shift"], "rule": "A7"}, ADD, CLAMP],
        },
    },
    "wes_npu_subtract": {"mac.zero_point": "subtract"},
    "wes_npu_inverse3": {"fields.inverse_shift.bits": 3},
    "wes_npu_inverse0": {"fields.inverse_shift.bits": 0},
    "wes_npu_shift_before_multiply": {"pipelines.mac.result": [INVERSE, MULTIPLY, SHIFT, ADD, CLAMP]},
    "wes_npu_shift_after_rounding": {"pipelines.mac.result": [MULTIPLY, SHIFT, INVERSE, ADD, CLAMP]},
}

ABSENT = object()


def differences(base: Any, other: Any, path: str = "") -> dict[str, Any]:
    """`other`'s values where it differs, by path; lists of different lengths differ as a whole."""
    found: dict[str, Any] = {}
    if isinstance(base, dict) and isinstance(other, dict):
        for key in {**base, **other}:
            inner = f"{path}.{key}" if path else key
            found |= differences(base.get(key, ABSENT), other.get(key, ABSENT), inner)
    elif isinstance(base, list) and isinstance(other, list) and len(base) == len(other):
        for index, (one, two) in enumerate(zip_longest(base, other)):
            found |= differences(one, two, f"{path}[{index}]")
    elif base != other:
        found[path] = other
    return found


def plain(name: str) -> dict[str, Any]:
    """A preset's data without what identifies it."""
    return load_datapath(name).model_dump(
        mode="json", exclude_none=True, exclude={"name", "title", "evidence"}
    )


def test_every_variant_has_its_expectation() -> None:
    assert {name for name in preset_names() if name.startswith("wes_npu_")} == set(DIFFERENCES)


@pytest.mark.parametrize("name", DIFFERENCES)
def test_a_variant_differs_in_exactly_what_it_says(name: str) -> None:
    assert differences(plain("wes_npu"), plain(name)) == DIFFERENCES[name]


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_is_named_after_its_file_and_says_why_to_believe_it(name: str) -> None:
    preset = load_datapath(name)
    assert preset.name == name
    assert preset.source
    assert preset.evidence.by
    assert name == "wes_npu" or preset.title != load_datapath("wes_npu").title


def test_per_channel_multipliers_share_the_shift_and_are_normalised_by_the_inverse_shift() -> None:
    datapath = load_datapath("wes_npu_per_channel")
    per_channel = {name for name in datapath.fields if datapath.per_channel(name)}
    assert per_channel == {"multiplier", "inverse_shift"}
    reals = [Fraction(3, 1000), Fraction(3, 1000) / 2**9]
    multipliers, _ = encode(reals, datapath.scale, datapath.fields["shift"].interval)
    assert multipliers[1] < 2**7
    raised, _ = encode([reals[0], reals[1] * 2**9], datapath.scale, datapath.fields["shift"].interval)
    assert min(raised) >= 2**15
    assert 9 in datapath.fields["inverse_shift"].interval


def test_inverse_shift_fields() -> None:
    for name, greatest in (("wes_npu", 15), ("wes_npu_inverse3", 7), ("wes_npu_inverse0", 0)):
        assert load_datapath(name).inverse_shift_max == greatest
        assert load_datapath(name).fields["inverse_shift"].per is Granularity.CHANNEL


def test_the_product_of_a_31_bit_multiplier_needs_63_bits() -> None:
    product = next(derive_pipeline(load_datapath("wes_npu_multiplier31"), "mac", PipelineRole.RESULT))
    assert product.exact == Interval(-(2**31), 2**31 - 1) * Interval(0, 2**31 - 1)
    assert product.exact.bits == 63


FIELDS = {"multiplier": 1 << 15, "shift": 15, "inverse_shift": 2, "y_zero": 0, "low": -128, "high": 127}


@pytest.mark.parametrize(
    ("name", "accumulator", "multiplier", "code"),
    [
        # 49152 / 2^17 of 5 is 1.875; undone first, 5/4 is 1 and 1.5 goes up to 2
        ("wes_npu", 5, 49152, 2),
        ("wes_npu_shift_before_multiply", 5, 49152, 2),
        # 1.25 of 1: 0.3125; undone first, 1/4 is 0
        ("wes_npu", 2, 40960, 1),
        ("wes_npu_shift_before_multiply", 2, 40960, 1),
        ("wes_npu", 5, 65535, 2),
        # just below 5.5 / 4: 5.4999 is 5 after the layer's shift and 5/4 is 1
        ("wes_npu_shift_before_multiply", 1, 65535, 0),
        ("wes_npu", 1, 65535, 0),
        ("wes_npu", 3, 65535, 1),
        ("wes_npu_shift_before_multiply", 3, 65535, 2),
        # 5.5 goes up to 6, and 6/4 = 1.5 up to 2; in one rounding 5.5/4 = 1.375 is 1
        ("wes_npu", 11, 16384, 1),
        ("wes_npu_shift_after_rounding", 11, 16384, 2),
        # -5.5 goes up to -5, and -5/4 = -1.25 is -1; in one rounding -1.375 is -1
        ("wes_npu_shift_after_rounding", -11, 16384, -1),
        # -6.5 goes up to -6, and -6/4 = -1.5 up to -1; in one rounding -1.625 is -2
        ("wes_npu", -13, 16384, -2),
        ("wes_npu_shift_after_rounding", -13, 16384, -1),
    ],
)
def test_where_the_inverse_shift_is_undone_decides_bits(
    name: str, accumulator: int, multiplier: int, code: int
) -> None:
    stages = load_datapath(name).pipelines["mac"].result
    assert stages is not None
    assert run(stages, accumulator, {**FIELDS, "multiplier": multiplier}).result == code
