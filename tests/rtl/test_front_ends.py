"""Every module of the reference RTL by itself: synthesis and lint accept it, without a warning."""

from __future__ import annotations

from pathlib import Path

import pytest

from npusim.vectors.bench.emit import rtl_files
from tests.tools import require_tool, run_tool

SOURCES = rtl_files()
MODULES = [path.stem for path in SOURCES[1:]]
each_module = pytest.mark.parametrize("module", MODULES)


def test_there_is_one_module_a_file() -> None:
    assert len(MODULES) >= 20
    assert SOURCES[0].stem == "npusim_codes"
    assert all(f"module {path.stem} " in path.read_text() for path in SOURCES[1:])


def _yosys(folder: Path, top: str, sources: list[Path]) -> str:
    read = f"read_verilog -sv {' '.join(map(str, sources))}"
    script = f"{read}; hierarchy -check -top {top}; proc; check -assert -noinit"
    return run_tool([require_tool("yosys"), "-q", "-p", script], folder)


@each_module
def test_yosys_makes_a_netlist(module: str, tmp_path: Path) -> None:
    assert "Warning" not in _yosys(tmp_path, module, SOURCES)


@each_module
def test_verilator_has_nothing_to_say(module: str, tmp_path: Path) -> None:
    verilator = require_tool("verilator")
    assert run_tool([verilator, "--lint-only", "--top-module", module, *SOURCES], tmp_path) == ""


def test_they_say_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "lost.sv").write_text(
        "module lost (input logic [3:0] a, output logic [1:0] b);\n  absent part (.a(a));\n"
        "  assign b = a + 4'd1;\nendmodule\n"
    )
    with pytest.raises(AssertionError, match="absent"):
        _yosys(tmp_path, "lost", [tmp_path / "lost.sv"])
    with pytest.raises(AssertionError, match="absent"):
        run_tool([require_tool("verilator"), "--lint-only", tmp_path / "lost.sv"], tmp_path)
