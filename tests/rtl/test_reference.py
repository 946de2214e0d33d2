"""The reference RTL makes what the spec makes, for datapaths that differ in every part."""

from __future__ import annotations

import random
import re
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from npusim.datapath import Datapath, load_datapath, preset_names
from npusim.datapath.operations import PipelineRole
from npusim.datapath.systemverilog import package
from npusim.spec.pipeline import run
from npusim.spec.rounding import Rounding
from npusim.spec.stages import Divide
from npusim.spec.stages.float_stage import FloatStage
from npusim.vectors.bench import stimulus
from npusim.vectors.bench.emit import RTL, emit
from npusim.vectors.bench.run import Outcome
from npusim.vectors.bench.simulators import Simulator
from npusim.vectors.bench.unit import Unit, UnitKind
from npusim.vectors.bench.unit_case import write_columns, write_words
from tests.rtl.units import changed, column_case, require, rescale_case, run_cases
from tests.tools import require_tool, run_tool

OTHERS: dict[str, dict[str, Any]] = {
    "every_stage": {
        "pipelines.mac.result": [
            {"stage": "add", "operand": -3, "bits": 33, "overflow": "wrap"},
            {"stage": "shift_left", "by": 2},
            {"stage": "saturate", "to": 34},
            {"stage": "select_negative", "positive": "multiplier", "negative": 3},
            {"stage": "shift_right", "by": ["shift", "inverse_shift", 1], "rounding": "away"},
            {"stage": "wrap", "to": 9},
            {"stage": "multiply", "by": "-y_zero", "bits": 12, "overflow": "saturate"},
            {"stage": "clamp", "low": "low", "high": "high"},
        ]
    },
    "significant": {
        "pipelines.mac.result": [
            {"stage": "multiply", "by": "multiplier"},
            {"stage": "significant", "digits": 11},
            {"stage": "shift_right", "by": ["shift", "inverse_shift"], "rounding": "half_even"},
            {"stage": "significant", "digits": 5, "rounding": "half_up"},
            {"stage": "clamp", "low": "low", "high": "high"},
        ]
    },
    "unsigned": {
        "activation": {"bits": 8, "signed": False},
        "pipelines": {
            "mac": {
                "result": [
                    {"stage": "multiply", "by": "multiplier"},
                    {"stage": "shift_right", "by": ["shift", "inverse_shift"], "rounding": "half_away"},
                    {"stage": "saturate", "to": 8, "to_signed": False, "bits": 8, "signed": False},
                ]
            }
        },
    },
}
MACS: dict[str, dict[str, Any]] = {
    "late_with_tree": {
        "mac.bias": {"bits": 32, "place": "late"},
        "mac.tree": {"bits": 17, "overflow": "saturate"},
    },
    "subtract": {"mac.zero_point": "subtract", "mac.lanes": 5},
    "wrap": {"mac.accumulator": {"bits": 24, "overflow": "wrap"}, "mac.bias.bits": 24},
}


def passes(datapath: Datapath, simulator: Simulator, folder: Path, *, pipelined: bool = False) -> None:
    (result,) = run_cases([rescale_case(datapath, folder, pipelined=pipelined)], simulator, folder)
    assert (result.outcome, result.text) == (Outcome.PASSED, "")
    assert result.compared >= 600


@pytest.mark.parametrize("rule", Rounding)
def test_every_rounding_rule(rule: Rounding, tmp_path: Path) -> None:
    passes(changed({"pipelines.mac.result[1].rounding": rule.value}), require(Simulator.ICARUS), tmp_path)


@pytest.mark.parametrize(
    "name", ["shift_before_multiply", "shift_after_rounding", "multiplier31", "inverse0"]
)
def test_presets(name: str, tmp_path: Path) -> None:
    passes(load_datapath(f"wes_npu_{name}"), require(Simulator.ICARUS), tmp_path)


@pytest.mark.parametrize("name", OTHERS)
def test_other_stages(name: str, tmp_path: Path) -> None:
    passes(changed(OTHERS[name]), require(Simulator.ICARUS), tmp_path)


@pytest.mark.parametrize(
    ("name", "operation"),
    [("gemmini", "mac"), ("tflite", "dense"), ("tflite", "average_pool"), ("onnxruntime", "mac")],
)
def test_floats_and_divisions(name: str, operation: str, tmp_path: Path) -> None:
    unit = Unit(UnitKind.PIPELINE, operation, load_datapath(name))
    vectors = stimulus.random_rescale_vectors(unit, 300) + typical_float_vectors(unit, 300)
    vectors += extreme_float_vectors(unit)
    case = write_words(operation, unit, vectors, tmp_path / operation)
    (result,) = run_cases([case], require(Simulator.ICARUS), tmp_path)
    assert (result.outcome, result.compared, result.text) == (Outcome.PASSED, len(vectors), "")


def extreme_float_vectors(unit: Unit) -> list[stimulus.Vector]:
    """Nothing, little and much times the least and the greatest scale."""
    stages = unit.datapath.pipelines[unit.operation].stages(PipelineRole.RESULT) or ()
    entering, found = unit.widths(unit.main)[0].entering, []
    wide_open = {"y_zero": 0, "low": unit.datapath.activation.interval.low}
    wide_open["high"] = unit.datapath.activation.interval.high
    plain = stimulus.random_rescale_vectors(unit, 1)[0].fields | wide_open
    for stage in stages:
        if isinstance(stage, FloatStage):
            fraction_bits = stage.format.significand_bits - 1
            greatest = ((1 << stage.format.exponent_bits) - 1 << fraction_bits) - 1
            for value, scale in product((0, 1, -1, entering.low, entering.high), (0, 1, greatest)):
                fields = {**plain, str(stage.scale): scale}
                found.append(stimulus.Vector((value,), fields, run(stages, value, fields).result))
    return found


def typical_float_vectors(unit: Unit, count: int) -> list[stimulus.Vector]:
    """With scales and divisors that bring the value near the output's range, where rounding shows."""
    rng, found = random.Random(4), []
    stages = unit.datapath.pipelines[unit.operation].stages(PipelineRole.RESULT) or ()
    for vector in stimulus.random_rescale_vectors(unit, count, seed=9):
        fields, value = dict(vector.fields), vector.values[0] >> rng.randint(0, 24)
        for stage in stages:
            if isinstance(stage, FloatStage):
                real = Fraction(rng.randint(1, 1 << 20), rng.choice([1 << 20, 1 << 24, 3 << 27]))
                fields[str(stage.scale)] = stage.format.encode(real)
            if isinstance(stage, Divide):
                fields[str(stage.by)] = rng.randint(1, 400)
        found.append(stimulus.Vector((value,), fields, run(stages, value, fields).result))
    return found


def test_a_register_behind_every_stage(tmp_path: Path) -> None:
    passes(load_datapath("wes_npu"), require(Simulator.ICARUS), tmp_path, pipelined=True)


@pytest.mark.parametrize("name", [name for name in preset_names() if not name.startswith("wes_npu_")])
def test_a_tile_of_every_preset(name: str, tmp_path: Path) -> None:
    unit = Unit(UnitKind.MAC, "mac", load_datapath(name), columns=3)
    vectors = stimulus.column_vectors(unit, beats=2, count=40, corners=False)
    (result,) = run_cases(
        [write_columns("tile", unit, vectors, tmp_path / "tile")], require(Simulator.ICARUS), tmp_path
    )
    assert (result.outcome, result.compared, result.text) == (Outcome.PASSED, 80, "")


@pytest.mark.parametrize("name", MACS)
def test_mac_columns(name: str, tmp_path: Path) -> None:
    case = column_case(changed(MACS[name]), tmp_path)
    (result,) = run_cases([case], require(Simulator.ICARUS), tmp_path)
    assert (result.outcome, result.text) == (Outcome.PASSED, "")
    assert result.compared == 2 * 151


@pytest.mark.parametrize("operation", ["add", "sub", "mul"])
def test_two_codes_combined(operation: str, tmp_path: Path) -> None:
    unit = Unit(UnitKind.COMBINE, operation, load_datapath("wes_npu"))
    case = write_words(operation, unit, stimulus.combine_vectors(unit, 500), tmp_path / operation)
    (result,) = run_cases([case], require(Simulator.ICARUS), tmp_path)
    assert (result.outcome, result.text) == (Outcome.PASSED, "")


@pytest.mark.parametrize(
    "stage",
    [
        {"index_bits": 8},
        {"index_bits": 5, "fraction_bits": 3, "rounding": "half_even"},
        {"index_bits": 3, "fraction_bits": 5, "rounding": "half_up"},
    ],
)
def test_tables(stage: dict[str, Any], tmp_path: Path) -> None:
    datapath = changed({"pipelines.table.result": [{"stage": "table", "table": "table", **stage}]})
    unit = Unit(UnitKind.PIPELINE, "table", datapath)
    table = [(37 * entry * entry + 11 * entry) % 256 - 128 for entry in range(unit.table.entries)]
    vectors = stimulus.table_vectors(unit, table)
    (result,) = run_cases(
        [write_words("table", unit, vectors, tmp_path / "table", table)], require(Simulator.ICARUS), tmp_path
    )
    assert (result.outcome, result.compared, result.text) == (Outcome.PASSED, 256, "")


def test_the_codes_are_those_of_the_packages() -> None:
    constant = re.compile(r"localparam int ((?:ROUND|OVERFLOW|ZERO_POINT|BIAS|STAGE)_\w+) = (\d+);")
    emitted = dict(constant.findall(package(load_datapath("wes_npu"))))
    codes = dict(constant.findall((RTL / "npusim_codes.sv").read_text()))
    assert len(codes) > 20
    assert codes == {name: emitted[name] for name in codes}
    assert {name for name in emitted if name.startswith(("ROUND_", "STAGE_"))} <= set(codes)


def test_verilator_has_nothing_to_say(tmp_path: Path) -> None:
    """With all warnings but those of constants and clocks that one unit does not need."""
    case = column_case(load_datapath("tflite"), tmp_path, count=4)
    (build,) = emit(tmp_path, [case])
    unused = ["-Wno-UNUSEDPARAM", "-Wno-UNUSEDSIGNAL", "-Wno-DECLFILENAME"]
    command = [require_tool("verilator"), "--lint-only", "-Wall", *unused, "--top-module", "npusim_dut"]
    run_tool([*command, *build.sources[:-1]], tmp_path)
