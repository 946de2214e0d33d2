"""How many gates a rescale takes, by Yosys: numbers to compare datapaths by, no chip's area.

The reference RTL of the pipeline behind the MACs, combinational, is flattened, simplified and mapped to
Yosys's own AND, OR, XOR, MUX (of two inputs each) and NOT; each counts 1. No outside mapper takes part, so
the same Yosys says the same every time.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
from functools import cache
from pathlib import Path

from npusim.datapath import Datapath
from npusim.datapath.systemverilog import package
from npusim.errors import CheckFailed, InputError
from npusim.vectors.bench.emit import rtl_files
from npusim.vectors.bench.reference import wrapper
from npusim.vectors.bench.simulators import run
from npusim.vectors.bench.unit import Unit, UnitKind

SECONDS = 300
"""More than any pipeline of the presets needs: at most 20 on an idle core."""

GATES = frozenset({"$_AND_", "$_OR_", "$_XOR_", "$_MUX_", "$_NOT_"})
_READ = re.compile(r" *localparam .*\b(REGISTER\w*|MAC_RESULT_\w+) = .*;")
_COUNT = (
    "hierarchy -check -top npusim_dut; proc; flatten; opt; wreduce; peepopt; opt; alumacc; opt; techmap; "
    "opt; tee -q -o cells.json stat -json"
)


def count_cells(datapath: Datapath) -> int:
    """Gates of the rescale behind a datapath's MACs; at least 0.

    Raises
    ------
    InputError
        If Yosys is not installed.
    CheckFailed
        With what Yosys says, if it does not map the pipeline.
    """
    yosys_version()
    with tempfile.TemporaryDirectory(prefix="npusim-cells-") as name:
        folder = Path(name)
        (folder / "pipeline.sv").write_text(_text(datapath), encoding="utf-8")
        codes, *modules = (f'"{path}"' for path in rtl_files())
        script = f"read_verilog -sv {codes} pipeline.sv {' '.join(modules)}; {_COUNT}"
        done = run(["yosys", "-q", "-p", script], folder, SECONDS)
        if done.returncode != 0:
            raise CheckFailed(
                f"yosys does not map the rescale of {datapath.name}:\n{done.stdout}{done.stderr}"
            )
        found = json.loads((folder / "cells.json").read_text(encoding="utf-8"))
    kinds: dict[str, int] = found["design"].get("num_cells_by_type", {})
    if not set(kinds) <= GATES:
        raise CheckFailed(f"yosys leaves cells that are no gates: {', '.join(sorted(set(kinds) - GATES))}")
    return sum(kinds.values())


def cells_digest(datapath: Datapath) -> str:
    """Equal for two datapaths exactly if Yosys reads the same of both, and is the same."""
    hashed = hashlib.sha256(f"{yosys_version()}\0{_COUNT}\0{_text(datapath)}".encode())
    for path in rtl_files():
        hashed.update(path.read_bytes())
    return hashed.hexdigest()[:32]


@cache
def yosys_version() -> str:
    """What ``yosys -V`` says.

    Raises
    ------
    InputError
        If it is not installed.
    """
    if shutil.which("yosys") is None:
        raise InputError("cells are counted by Yosys, and yosys is not installed")
    return run(["yosys", "-V"], Path(), SECONDS).stdout.strip()


def _text(datapath: Datapath) -> str:
    """The pipeline as a module, and of the datapath's package only what it reads: no name, no MAC."""
    silent = datapath.model_copy(update={"name": "datapath"})
    head, *_ = re.findall(r"^package .*;$", package(silent), re.MULTILINE)
    constants = [line for line in package(silent).splitlines() if _READ.fullmatch(line)]
    return "\n".join([head, *constants, "endpackage", "", wrapper(Unit(UnitKind.PIPELINE, "mac", silent))])
