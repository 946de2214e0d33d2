"""The data sheet names every rule, register and width that the datapath has."""

from __future__ import annotations

import pytest
from hypothesis import given

from npusim.datapath import Datapath, load_datapath, preset_names
from npusim.datapath.checks import derive_widths
from npusim.datapath.describe import describe
from npusim.datapath.load import change_datapath
from npusim.datapath.stage_text import stage_text
from npusim.spec.rounding import Rounding
from npusim.spec.stages import Add, BaseStage, Clamp, Float32, Multiply, SelectNegative, ShiftLeft, Table
from npusim.spec.width import Overflow
from tests.strategies import datapaths


def lines_of(datapath: Datapath) -> list[str]:
    return [" ".join(line.split()) for line in describe(datapath).splitlines()]


@pytest.mark.parametrize(
    "line",
    [
        "evidence checked: tests/oracles/test_wes_npu_vs_tosa.py, against Arm's TOSA reference model",
        "weight s8 -127..127 zero point 0",
        "multiplier s8 x s8 x * w",
        "product s15 -16256..16256",
        "beat s19 -260096..260096, exact",
        "bias s32 preloaded",
        "accumulator = bias",
        "for each beat: v = sum of 16 lanes",
        "accumulator = A.saturate(accumulator + v, s32)",
        "padding carries the code x_zero; the bias holds b - x_zero * sum(w)",
        "inverse_shift u4 0..15 channel mac",
        "x_zero s8 -128..127 layer MAC column, add, sub, mul, concat, matmul",
        "resize_weight u11 0..2047 layer resize",
        "PIPELINE concat.operand (also minimum, maximum)",
        "v = exact blend of four codes s30 -536870912..532676608",
        "[0] v = A1.half_up(v / 2^22) s8 -128..127 W7",
        "a transposed convolution skips inserted zeros: each phase of its stride has a bias of its own",
        "real = multiplier / 2^shift, multiplier in 32768..65535, rounded by A1.half_even",
        "PIPELINE mac.result (also conv2d, depthwise_conv2d, dense)",
        "[0] v = v * multiplier s49 -140735340871680..140735340806145 needs s48 W4",
        "[1] v = A1.half_up(v / 2^(shift + inverse_shift)) s48 -140735340871680..140735340806145 W4",
        "[3] v = min(max(v, low), high) s8 -128..127 W4",
        "[0] v = v - x_zero s9 -255..255 W5",
    ],
)
def test_the_data_sheet_of_wes_npu(line: str) -> None:
    assert line in lines_of(load_datapath("wes_npu"))


def test_other_mac_declarations() -> None:
    changes = {
        "mac.zero_point": "subtract",
        "mac.tree": {"bits": 18, "overflow": "saturate"},
        "mac.bias.place": "late",
        "weight.zero_point": True,
        "weight.low": -128,
        "fields.inverse_shift.bits": 0,
    }
    lines = lines_of(change_datapath(load_datapath("wes_npu"), changes, "other"))
    for line in (
        "multiplier s9 x s9 (x - x_zero) * (w - weight_zero)",
        "for each beat: v = A.saturate(sum of 16 lanes, s18)",
        "beat s18 -131072..131071; the exact sum is -1040400..1040400",
        "accumulator = 0",
        "accumulator = A.saturate(accumulator + bias, s32)",
        "padding contributes nothing",
        "inverse_shift absent 0..0 channel mac",
    ):
        assert line in lines
    assert not any("weights of channel o" in line for line in lines)


def test_missing_operations_are_named() -> None:
    data = load_datapath("wes_npu")
    without = data.replace(
        pipelines={name: data.pipelines[name] for name in ("conv2d", "mac") if name in data.pipelines}
    )
    assert "average_pool, concat" in describe(without).splitlines()[-1]


@pytest.mark.parametrize(
    ("stage", "text"),
    [
        (Add(operand=-3), "v - 3"),
        (Multiply(by="-multiplier"), "v * (-multiplier)"),
        (Multiply(by="multiplier", bits=32, overflow=Overflow.WRAP), "A.wrap(v * multiplier, s32)"),
        (ShiftLeft(by=2, bits=8, signed=False, overflow=Overflow.SATURATE), "A.saturate(v * 2^2, u8)"),
        (Clamp(low=0, high="high"), "min(max(v, 0), high)"),
        (SelectNegative(negative="slope"), "v * (v >= 0 ? 1 : slope)"),
        (Table(index_bits=8), "table[v + 128]"),
        (Table(index_bits=8, index_signed=False), "table[v]"),
        (
            Table(table="t", index_bits=8, fraction_bits=7, rounding=Rounding.HALF_UP),
            "A8.interpolate(t, v + 16384, 8.7 bits, A1.half_up)",
        ),
        (Float32(scale="s", to=8), "A.saturate(A1.half_even(float32(float32(v) * s)), s8)"),
    ],
)
def test_stages_in_words(stage: BaseStage, text: str) -> None:
    assert stage_text(stage) == text


@given(datapath=datapaths())
def test_every_stage_and_register_is_in_the_data_sheet(datapath: Datapath) -> None:
    sheet = describe(datapath)
    for width in derive_widths(datapath):
        assert f"v = {stage_text(width.stage)}" in sheet
        assert str(width.reached) in sheet
    assert all(name in sheet for name in datapath.fields)
    assert all(line == line.rstrip() for line in sheet.splitlines())


def test_no_two_presets_read_the_same() -> None:
    bodies = {describe(load_datapath(name)).split("CODES", 1)[1] for name in preset_names()}
    assert len(bodies) == len(preset_names())
