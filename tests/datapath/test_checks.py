"""A2: a datapath that cannot be computed as declared is refused when it loads, naming the place."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from npusim.datapath import Datapath, load_datapath
from npusim.datapath.checks import WORD_BITS, derive_widths
from npusim.datapath.load import change_datapath, datapath_from
from npusim.errors import InputError
from npusim.spec.interval import Interval
from npusim.spec.pipeline import run
from npusim.spec.stages import Fields
from tests.strategies import datapaths, field_values, values_in

RESULT = "pipelines.mac.result"
CLAMP = {"stage": "clamp", "low": "low", "high": "high"}


def refusal(changes: dict[str, Any]) -> str:
    with pytest.raises(InputError) as caught:
        change_datapath(load_datapath("wes_npu"), changes, "changed")
    return str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {f"{RESULT}[0].by": "multiplyer"},
            "pipelines.mac.result[0]: no field named 'multiplyer'; did you mean 'multiplier'?",
        ),
        (
            {f"{RESULT}[0]": {"stage": "table", "table": "lut", "index_bits": 8}},
            "pipelines.mac.result[0]: no field named 'lut'; known: high, inverse_shift",
        ),
        (
            {f"{RESULT}[0].bits": 47},
            "pipelines.mac.result[0]: s47 holds -70368744177664..70368744177663, but the stage reaches -1407",
        ),
        (
            {f"{RESULT}[0].signed": False},
            "pipelines.mac.result[0]: u49 holds 0..",
        ),
        (
            {"fields.multiplier.bits": 34, f"{RESULT}[0].bits": None},
            "pipelines.mac.result[0]: reaches 66 bits; npusim computes up to 64 (A2)",
        ),
        (
            {"fields.shift.signed": True},
            "pipelines.mac.result[1]: the total shift can be negative (-32..46); declare a shift_left (A1)",
        ),
        (
            {f"{RESULT}[1]": {"stage": "shift_left", "by": "y_zero"}},
            "pipelines.mac.result[1]: the total shift can be negative (-128..127); declare a shift_right",
        ),
        (
            {"fields.shift.bits": 8},
            "pipelines.mac.result[1]: the total shift reaches 270; allowed: up to 255",
        ),
        (
            {f"{RESULT}[3]": {"stage": "saturate", "to": 9}},
            "pipelines.mac.result: must end in activation codes -128..127, but reaches -256..255; end it",
        ),
        (
            {RESULT: []},
            "pipelines.mac.result: must end in activation codes -128..127, but reaches the unscaled input",
        ),
        (
            {"pipelines.conv2": {"result": [CLAMP]}},
            "pipelines.conv2: unknown operation; did you mean 'conv2d'?",
        ),
        ({"pipelines.mac.operand": [CLAMP]}, "pipelines.mac: declare exactly these lists: result"),
        (
            {"pipelines.add": {"result": [CLAMP]}},
            "pipelines.add: declare exactly these lists: operand and result",
        ),
        (
            {f"{RESULT}[0]": {"stage": "multiply", "by": "multiplier", "overflow": "wrap"}},
            "pipelines.mac.result[0]: an overflow rule needs a declared width: add `bits`",
        ),
        (
            {f"{RESULT}[0]": {"stage": "table", "table": "low", "index_bits": 8}},
            "pipelines.mac.result[0]: addressed by s8, but -2147483648..2147483647 enters; saturate first",
        ),
        (
            {f"{RESULT}[3]": {"stage": "clamp", "low": 6, "high": 5}},
            "pipelines.mac.result[3]: low 6 is always above high 5",
        ),
        (
            {f"{RESULT}[0]": {"stage": "float32", "scale": "multiplier"}},
            "pipelines.mac.result[0].scale: names an unsigned 32-bit field",
        ),
        ({f"{RESULT}[0].bits": 0}, "pipelines.mac.result[0].bits: found 0; allowed: 1..64"),
        (
            {f"{RESULT}[3]": {"stage": "saturate", "to": 10**12}},
            "pipelines.mac.result[3].to: found 1000000000000; allowed: 1..64",
        ),
        (
            {f"{RESULT}[3]": {"stage": "table", "table": "low", "index_bits": 17}},
            "pipelines.mac.result[3].index_bits: found 17; allowed: 1..16",
        ),
        (
            {f"{RESULT}[3]": {"stage": "table", "table": "low", "index_bits": 8, "fraction_bits": -1}},
            "pipelines.mac.result[3].fraction_bits: found -1; allowed: 0..16",
        ),
        (
            {"mac.accumulator.bits": 24},
            "mac.bias: 32 bits are preloaded into an accumulator of 24; declare as few, or place: late",
        ),
        (
            {"scale.magnitude_bits": 17},
            "scale.magnitude_bits: multipliers reach 131071, but fields.multiplier holds 0..65535",
        ),
        ({"scale.magnitude_bits": 0}, "scale.magnitude_bits: found 0; allowed: 1..64"),
        ({"weight.low": -129}, "low is -129, but s8 holds -128..127"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(changes: dict[str, Any], message: str) -> None:
    assert message in refusal(changes)


def test_a_declared_width_that_is_too_narrow_is_told_what_would_do() -> None:
    message = refusal({f"{RESULT}[0].bits": 47})
    assert "-140735340871680..140735340806145 (48 bits); declare more bits or an overflow rule" in message


@pytest.mark.parametrize(
    "changes",
    [
        {f"{RESULT}[0].bits": 48},
        {f"{RESULT}[0].bits": 47, f"{RESULT}[0].overflow": "wrap"},
        {"fields.multiplier.bits": 32, f"{RESULT}[0].bits": 64, "pipelines.average_pool.result[0].bits": 64},
        {"mac.accumulator.bits": 24, "mac.bias.place": "late"},
        {RESULT: [{"stage": "saturate", "to": 8}]},
        {RESULT: [{"stage": "float32", "scale": "scale"}, CLAMP], "fields.scale": {"bits": 32}},
    ],
)
def test_what_just_fits_is_taken(changes: dict[str, Any]) -> None:
    assert change_datapath(load_datapath("wes_npu"), changes, "changed").name == "changed"


def test_strictness_of_values() -> None:
    assert "pipelines.mac.result[1].roundin: " in refusal({f"{RESULT}[1].roundin": "floor"})
    assert "did you mean 'half_even'?" in refusal({f"{RESULT}[1].rounding": "half_evn"})
    assert "did you mean 'saturate'?" in refusal({f"{RESULT}[3].stage": "saturat"})
    assert "8.0" in refusal({"activation.bits": 8.0})


@given(datapath=datapaths(), data=st.data(), fields=field_values())
def test_every_derived_width_is_computable_and_holds(
    datapath: Datapath, data: st.DataObject, fields: Fields
) -> None:
    widths = [width for width in derive_widths(datapath) if width.place.startswith(RESULT)]
    assert all(width.exact.bits <= WORD_BITS for width in widths)
    accumulator = data.draw(values_in(Interval.of(datapath.mac.accumulator.register)))
    trace = run([width.stage for width in widths], accumulator, fields)
    assert all(value in width.reached for value, width in zip(trace.values, widths, strict=True))
    assert trace.result in datapath.activation.interval


@given(datapath=datapaths())
def test_a_dumped_datapath_loads_as_itself(datapath: Datapath) -> None:
    assert datapath_from(datapath.model_dump(mode="json", exclude_none=True)) == datapath
