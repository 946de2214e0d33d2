"""The SystemVerilog package: two simulators accept it, and its parameters are the datapath's."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given

from npusim.datapath import Datapath, load_datapath, preset_names
from npusim.datapath.checks import derive_pipeline
from npusim.datapath.load import change_datapath
from npusim.datapath.operations import PIPELINES, PipelineRole
from npusim.datapath.systemverilog import NO_CODE, STAGE_KINDS, identifier, package
from npusim.errors import InputError
from npusim.spec.rounding import Rounding
from npusim.spec.stages import Stage
from tests.strategies import datapaths
from tests.tools import require_tool, run_tool

_PARAMETER = re.compile(r"localparam (?:int|bit(?: \[\d+:0\])?) (\w+) = ")


def write_bench(datapath: Datapath, folder: Path) -> list[str]:
    """The package and a module that prints every parameter; returns their names."""
    text = package(datapath)
    names = _PARAMETER.findall(text)
    name = f"{identifier(datapath.name)}_pkg"
    prints = "\n".join(f'    $display("{parameter} %0d", {name}::{parameter});' for parameter in names)
    bench = f"module bench;\n  initial begin\n{prints}\n    $finish;\n  end\nendmodule\n"
    (folder / "package.sv").write_text(text)
    (folder / "bench.sv").write_text(bench)
    return names


def simulated(datapath: Datapath, folder: Path) -> dict[str, int]:
    """Every parameter's value as Icarus Verilog prints it."""
    compiler, runner = require_tool("iverilog"), require_tool("vvp")
    names = write_bench(datapath, folder)
    run_tool([compiler, "-g2012", "-Wall", "-o", "bench.vvp", "package.sv", "bench.sv"], folder)
    printed = dict(line.split() for line in run_tool([runner, "bench.vvp"], folder).splitlines())
    assert list(printed) == names
    return {parameter: int(value) for parameter, value in printed.items()}


def element(vector: int, index: int) -> int:
    return vector >> (8 * index) & 255


def test_the_parameters_of_wes_npu(tmp_path: Path) -> None:
    found = simulated(load_datapath("wes_npu"), tmp_path)
    expected = {
        "ARITHMETIC_VERSION": 1,
        "ACTIVATION_BITS": 8,
        "ACTIVATION_SIGNED": 1,
        "WEIGHT_MIN": -127,
        "WEIGHT_MAX": 127,
        "WEIGHT_ZERO_POINT": 0,
        "ZERO_POINT_MODE": found["ZERO_POINT_FOLDED"],
        "LANES": 16,
        "PRODUCT_BITS": 15,
        "BEAT_BITS": 19,
        "TREE_BITS": 19,
        "TREE_OVERFLOW": NO_CODE,
        "ACCUMULATOR_BITS": 32,
        "ACCUMULATOR_OVERFLOW": found["OVERFLOW_SATURATE"],
        "BIAS_BITS": 32,
        "BIAS_PLACE": found["BIAS_PRELOAD"],
        "FIELD_MULTIPLIER_BITS": 16,
        "FIELD_MULTIPLIER_PER_CHANNEL": 0,
        "FIELD_INVERSE_SHIFT_BITS": 4,
        "FIELD_INVERSE_SHIFT_SIGNED": 0,
        "FIELD_INVERSE_SHIFT_PER_CHANNEL": 1,
        "FIELD_Y_ZERO_SIGNED": 1,
        "SCALE_MAGNITUDE_BITS": 16,
        "SCALE_ROUNDING": found["ROUND_HALF_EVEN"],
        "SCALE_UNDERFLOW": found["UNDERFLOW_DENORMALIZE"],
        "MAC_RESULT_STAGES": 4,
        "MAC_RESULT_INPUT_BITS": 32,
        "ADD_RESULT_INPUT_BITS": 26,
    }
    assert {name: found[name] for name in expected} == expected
    assert element(found["MAC_RESULT_BITS"], 0) == 49
    assert element(found["MAC_RESULT_EXACT_BITS"], 0) == 48
    assert element(found["MAC_RESULT_KINDS"], 1) == found["STAGE_SHIFT_RIGHT"]
    assert element(found["MAC_RESULT_ROUNDINGS"], 1) == found["ROUND_HALF_UP"]
    assert element(found["MAC_RESULT_ROUNDINGS"], 0) == NO_CODE


@pytest.mark.parametrize("name", ["wes_npu_half_odd", "wes_npu_acc24_wrap", "wes_npu_shift_before_multiply"])
def test_the_printed_stages_are_the_datapaths(name: str, tmp_path: Path) -> None:
    datapath = load_datapath(name)
    found = simulated(datapath, tmp_path)
    for operation in datapath.pipelines:
        for role in PIPELINES[operation].sources:
            check_pipeline(datapath, operation, role, found)
    overflow = "OVERFLOW_" + datapath.mac.accumulator.overflow.upper()
    assert found["ACCUMULATOR_OVERFLOW"] == found[overflow]


def check_pipeline(datapath: Datapath, operation: str, role: PipelineRole, found: dict[str, int]) -> None:
    prefix = f"{operation}_{role}".upper()
    widths = list(derive_pipeline(datapath, operation, role))
    assert found[f"{prefix}_STAGES"] == len(widths)
    for index, width in enumerate(widths):
        stage = width.stage
        assert element(found[f"{prefix}_KINDS"], index) == found[f"STAGE_{stage.stage.upper()}"]
        bits = width.reached.bits if stage.bits is None else stage.bits
        assert element(found[f"{prefix}_BITS"], index) == bits
        assert element(found[f"{prefix}_EXACT_BITS"], index) == width.exact.bits
        assert found[f"{prefix}_SIGNS"] >> index & 1 == 1
        rule: Rounding | None = getattr(stage, "rounding", None)
        rounding = NO_CODE if rule is None else found[f"ROUND_{rule.upper()}"]
        assert element(found[f"{prefix}_ROUNDINGS"], index) == rounding


def test_registers_with_signs_and_overflow_rules(tmp_path: Path) -> None:
    wrapping = {"stage": "multiply", "by": "multiplier", "bits": 40, "overflow": "wrap"}
    unsigned = {"stage": "saturate", "to": 7, "to_signed": False, "bits": 7, "signed": False}
    changes = {
        "pipelines.mac.result": [wrapping, unsigned],
        "mac.tree": {"bits": 12, "overflow": "wrap"},
        "mac.bias.place": "late",
        "mac.zero_point": "subtract",
    }
    found = simulated(change_datapath(load_datapath("wes_npu"), changes, "my.own-1"), tmp_path)
    assert element(found["MAC_RESULT_OVERFLOWS"], 0) == found["OVERFLOW_WRAP"]
    assert element(found["MAC_RESULT_OVERFLOWS"], 1) == NO_CODE
    assert found["MAC_RESULT_SIGNS"] == 0b01
    assert (found["TREE_BITS"], found["TREE_OVERFLOW"]) == (12, found["OVERFLOW_WRAP"])
    assert found["BIAS_PLACE"] == found["BIAS_LATE"]
    assert found["ZERO_POINT_MODE"] == found["ZERO_POINT_SUBTRACT"]
    assert found["PRODUCT_BITS"] == 16


@pytest.mark.parametrize("name", ["wes_npu", "wes_npu_multiplier31"])
def test_verilator_accepts_it(name: str, tmp_path: Path) -> None:
    verilator = require_tool("verilator")
    write_bench(load_datapath(name), tmp_path)
    run_tool([verilator, "--lint-only", "--top-module", "bench", "package.sv", "bench.sv"], tmp_path)


@pytest.mark.parametrize("name", preset_names())
def test_names_are_unique_and_parameters_scalars_or_packed(name: str) -> None:
    text = package(load_datapath(name))
    names = _PARAMETER.findall(text)
    assert len(names) == len(set(names)) == text.count("localparam")
    assert f"package {name}_pkg;" in text


@given(datapath=datapaths())
def test_every_pipeline_has_its_vectors(datapath: Datapath) -> None:
    names = set(_PARAMETER.findall(package(datapath)))
    for suffix in ("STAGES", "KINDS", "BITS", "EXACT_BITS", "SIGNS", "ROUNDINGS", "OVERFLOWS"):
        assert f"MAC_RESULT_{suffix}" in names


def test_every_kind_of_stage_has_a_code() -> None:
    assert sorted(STAGE_KINDS) == sorted(made.stage for made in get_args(Stage))


def test_two_fields_of_one_systemverilog_name_are_refused() -> None:
    clashing = {"fields.a-b": {"bits": 3}, "fields.a_b": {"bits": 4}}
    with pytest.raises(InputError, match="two fields have the same"):
        package(change_datapath(load_datapath("wes_npu"), clashing, "clash"))
