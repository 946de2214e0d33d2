"""The generated C compiles without warnings and makes what the spec makes."""

from __future__ import annotations

import ctypes
import random
from pathlib import Path
from typing import Any

import pytest

from npusim.datapath import Datapath, load_datapath, preset_names
from npusim.datapath.checks import derive_pipeline
from npusim.datapath.load import change_datapath
from npusim.datapath.operations import PIPELINES, PipelineRole
from npusim.datapath.systemverilog import identifier
from npusim.errors import InputError
from npusim.spec.elementwise import Combination
from npusim.spec.interval import Interval
from npusim.spec.mac import BiasPlace, accumulate
from npusim.spec.pipeline import run
from npusim.spec.rounding import Rounding
from npusim.spec.stages import BaseStage, Clamp, Divide, Float32, Float64, Significant, Table, field_name
from npusim.vectors.c_reference import c_reference
from tests.tools import require_tool, run_tool

WES = load_datapath("wes_npu")
FLAGS = ("-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-pedantic", "-O2")
SMALL: dict[str, Any] = {
    "mac.accumulator": {"bits": 9, "overflow": "wrap"},
    "mac.bias.bits": 9,
    "fields.multiplier.bits": 3,
    "fields.shift.bits": 3,
    "fields.inverse_shift.bits": 1,
    "scale.magnitude_bits": 3,
}


def library(datapath: Datapath, folder: Path) -> ctypes.CDLL:
    made = c_reference(datapath)
    (folder / f"{made.name}.h").write_text(made.header)
    (folder / f"{made.name}.c").write_text(made.source)
    run_tool(
        [
            *(require_tool("gcc"), *FLAGS, "-fsanitize=undefined", "-fsanitize-undefined-trap-on-error"),
            *("-fPIC", "-shared", "-o", "reference.so", f"{made.name}.c"),
        ],
        folder,
    )
    return ctypes.CDLL(str(folder / "reference.so"))


def call(found: ctypes.CDLL, name: str, *arguments: int | list[int]) -> int:
    function = getattr(found, name)
    function.restype = ctypes.c_longlong
    given = [
        (ctypes.c_longlong * len(argument))(*argument)
        if isinstance(argument, list)
        else ctypes.c_longlong(argument)
        for argument in arguments
    ]
    return int(function(*given))


def names_read(stages: tuple[BaseStage, ...]) -> list[str]:
    """Fields in the order stages first read them: the order of the C arguments."""
    names: dict[str, None] = {}
    for stage in stages:
        operands = [field_name(operand) for operand in stage.operands()]
        names |= dict.fromkeys(name for name in operands if name is not None)
        if isinstance(stage, Table):
            names[stage.table] = None
    return list(names)


def draw(datapath: Datapath, stages: tuple[BaseStage, ...], rng: random.Random) -> dict[str, int | list[int]]:
    fields: dict[str, int | list[int]] = {}
    tables = {stage.table: stage.entries for stage in stages if isinstance(stage, Table)}
    for name in names_read(stages):
        values = datapath.fields[name].interval
        drawn = [
            rng.choice([values.low, values.high, rng.randint(values.low, values.high)])
            for _ in range(tables.get(name, 1))
        ]
        fields[name] = drawn if name in tables else drawn[0]
    for stage in stages:
        if isinstance(stage, Clamp) and isinstance(stage.low, str) and isinstance(stage.high, str):
            low, high = fields[stage.low], fields[stage.high]
            assert isinstance(low, int)
            assert isinstance(high, int)
            fields[stage.low], fields[stage.high] = min(low, high), max(low, high)
        if isinstance(stage, Divide):
            fields[str(stage.by)] = rng.randint(1, 400)
        if isinstance(stage, Significant) and isinstance(stage.digits, str):
            fields[stage.digits] = rng.randint(1, 63)
        # Finite floats: subnormal, least, greatest, and some in between.
        if isinstance(stage, Float32):
            exponent = rng.choice([0, 1, 100, 120, 127, 140, 200, 254])
            fields[str(stage.scale)] = rng.getrandbits(1) << 31 | exponent << 23 | rng.getrandbits(23)
        if isinstance(stage, Float64):
            exponent = rng.choice([0, 1, 990, 1000, 1015, 1023, 1060, 2046])
            fields[str(stage.scale)] = exponent << 52 | rng.getrandbits(52)
    return fields


def some(interval: Interval, rng: random.Random) -> list[int]:
    wide = [rng.randint(interval.low, interval.high) for _ in range(20)]
    near = [value for value in range(-9, 10) if value in interval]
    return [interval.low, interval.low + 1, interval.high - 1, interval.high, *near, *wide]


def check_pipelines(datapath: Datapath, folder: Path, rounds: int) -> int:
    found, rng, checked = library(datapath, folder), random.Random(1), 0
    for operation in datapath.pipelines:
        for role in PIPELINES[operation].sources:
            stages = datapath.pipelines[operation].stages(role) or ()
            entering = next(iter(derive_pipeline(datapath, operation, role))).entering
            name = f"{identifier(datapath.name)}_{operation}_{role}"
            for _ in range(rounds):
                fields = draw(datapath, stages, rng)
                for value in some(entering, rng):
                    arguments = [fields[read] for read in names_read(stages)]
                    assert call(found, name, value, *arguments) == run(stages, value, fields).result
                    checked += 1
    return checked


@pytest.mark.parametrize("name", preset_names())
def test_pipelines_of_the_presets(name: str, tmp_path: Path) -> None:
    assert check_pipelines(load_datapath(name), tmp_path, rounds=12) >= 500


def test_stages_no_preset_has(tmp_path: Path) -> None:
    stages = [
        {"stage": "add", "operand": -3, "bits": 33, "overflow": "wrap"},
        {"stage": "shift_left", "by": 2},
        {"stage": "saturate", "to": 20},
        {"stage": "select_negative", "positive": "multiplier", "negative": "-y_zero"},
        {"stage": "shift_right", "by": ["shift", "shift", "shift"], "rounding": "away"},
        {"stage": "wrap", "to": 9, "to_signed": False},
        {"stage": "float32", "scale": "scale", "rounding": "half_away", "to": 16},
        {"stage": "saturate", "to": 8},
    ]
    interpolated = {"stage": "table", "table": "table", "index_bits": 5, "fraction_bits": 3}
    changes: dict[str, Any] = {
        "fields.scale": {"bits": 32},
        "pipelines.mac.result": stages,
        "pipelines.table.result": [{**interpolated, "rounding": "half_odd"}],
    }
    assert check_pipelines(change_datapath(WES, changes, "every.stage"), tmp_path, rounds=60) > 5000


@pytest.mark.parametrize("rule", Rounding)
def test_a_small_rescale_exhaustively(rule: Rounding, tmp_path: Path) -> None:
    datapath = change_datapath(WES, {**SMALL, "pipelines.mac.result[1].rounding": rule.value}, "small")
    stages = datapath.pipelines["mac"].result
    assert stages is not None
    found = library(datapath, tmp_path)
    for multiplier in range(8):
        for shift in range(8):
            for value in range(-256, 256):
                fields = {"multiplier": multiplier, "shift": shift, "inverse_shift": shift & 1, "y_zero": 5}
                fields |= {"low": -100, "high": 101}
                wanted = run(stages, value, fields).result
                arguments = [fields[name] for name in names_read(stages)]
                assert call(found, "small_mac_result", value, *arguments) == wanted


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"mac.accumulator": {"bits": 14, "overflow": "wrap"}, "mac.bias.bits": 14},
        {"mac.accumulator": {"bits": 14, "overflow": "saturate"}, "mac.bias.bits": 14},
        {"mac.bias": {"bits": 20, "place": "late"}, "mac.accumulator": {"bits": 18, "overflow": "saturate"}},
        {"mac.zero_point": "subtract", "mac.tree": {"bits": 15, "overflow": "saturate"}},
    ],
)
def test_mac_columns(changes: dict[str, Any], tmp_path: Path) -> None:
    datapath = change_datapath(WES, {"mac.lanes": 3, **changes}, "column")
    found, rng, mac = library(datapath, tmp_path), random.Random(2), datapath.mac
    weights = datapath.weight.interval
    for _ in range(300):
        x_zero = rng.randint(-128, 127)
        bias = rng.randint(-(1 << mac.bias.bits - 1), (1 << mac.bias.bits - 1) - 1) >> rng.randint(0, 20)
        beats = [
            [
                (rng.choice([-128, 127, rng.randint(-128, 127)]), rng.randint(weights.low, weights.high))
                for _ in range(3)
            ]
            for _ in range(4)
        ]
        off = x_zero if mac.zero_point == "subtract" else 0
        wanted = accumulate([[(x - off, w) for x, w in beat] for beat in beats], bias, mac.column).value
        value = call(found, "column_mac_start", bias)
        assert value == (0 if mac.bias.place is BiasPlace.LATE else bias)
        for beat in beats:
            codes = [list(side) for side in zip(*beat, strict=True)]
            value = call(found, "column_mac_beat", value, *codes, x_zero, 0)
        assert call(found, "column_mac_finish", value, bias) == wanted


@pytest.mark.parametrize("operation", ["add", "sub", "mul"])
def test_two_codes(operation: str, tmp_path: Path) -> None:
    found, rng = library(WES, tmp_path), random.Random(3)
    pipeline = WES.pipelines[operation]
    assert pipeline.operand is not None
    assert pipeline.result is not None
    combination = Combination(PIPELINES[operation].sources[PipelineRole.RESULT].value)
    for _ in range(2000):
        sides = [draw(WES, pipeline.operand, rng) for _ in range(2)]
        fields, codes = draw(WES, pipeline.result, rng), [rng.randint(-128, 127) for _ in range(2)]
        aligned = [run(pipeline.operand, c, side).result for c, side in zip(codes, sides, strict=True)]
        wanted = run(pipeline.result, combination.of(aligned[0], aligned[1]), fields).result
        arguments = [side[name] for side in sides for name in names_read(pipeline.operand)]
        arguments += [fields[name] for name in names_read(pipeline.result)]
        assert call(found, f"wes_npu_{operation}", *codes, *arguments) == wanted


def test_verilator_calls_it(tmp_path: Path) -> None:
    made = c_reference(WES)
    for suffix, text in ((".h", made.header), (".c", made.source), ("_dpi.sv", made.imports)):
        (tmp_path / f"{made.name}{suffix}").write_text(text)
    bench = f"""\
module bench;
  import {made.name}_dpi::*;
  longint table_ [0:255];
  longint x [0:15];
  initial begin
    for (int i = 0; i < 256; i++) table_[i] = 64'(2 * i);
    for (int i = 0; i < 16; i++) x[i] = 64'(i - 8);
    $display("%0d %0d %0d", wes_npu_mac_result(-1000, 40000, 20, 1, 3, -128, 127),
             wes_npu_table_result(-128 + 5, table_), wes_npu_mac_beat(7, x, x, 0, 0));
    $finish;
  end
endmodule
"""
    (tmp_path / "bench.sv").write_text(bench)
    command = [require_tool("verilator"), "--binary", "-Wno-lint", "-CFLAGS", "-O0", "--top-module", "bench"]
    run_tool([*command, f"{made.name}_dpi.sv", "bench.sv", f"{made.name}.c"], tmp_path)
    said = run_tool([tmp_path / "obj_dir" / "Vbench"], tmp_path)
    assert said.splitlines()[0] == f"{(-1000 * 40000 + (1 << 20) >> 21) + 3} 10 {7 + 344}"


def test_unsigned_fields_of_64_bits_are_refused() -> None:
    with pytest.raises(InputError, match="long long"):
        c_reference(change_datapath(WES, {"fields.wide": {"bits": 64}}, "wide"))
