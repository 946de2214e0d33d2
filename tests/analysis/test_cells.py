"""Gates of rescales: what is plainly more hardware costs more; a sweep weighs quality against them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from npusim.analysis.cells import cells_digest
from npusim.cli.app import app
from npusim.datapath import Datapath, load_datapath
from npusim.datapath.load import change_datapath
from npusim.errors import InputError
from npusim.sweep.run import run_sweep
from tests.sweep.folders import SWEEP, sweep
from tests.tools import require_tool

ROUNDING = "pipelines.mac.result[1].rounding"


def changed(**changes: object) -> Datapath:
    paths = {ROUNDING: changes.get("rounding", "half_up")}
    return change_datapath(load_datapath("wes_npu"), paths, str(changes.get("name", "changed")))


def test_what_is_more_hardware_costs_more() -> None:
    require_tool("yosys")
    runner = CliRunner()
    done = runner.invoke(app, ["datapath", "cells", "wes_npu", "wes_npu_multiplier31", "--json"])
    narrow, wide = json.loads(done.stdout)
    assert (narrow["name"], wide["name"]) == ("wes_npu", "wes_npu_multiplier31")
    assert wide["cells"] > narrow["cells"] > 32 * 16


def test_only_the_rescale_counts() -> None:
    require_tool("yosys")
    own = cells_digest(changed())
    assert own == cells_digest(changed(name="another"))
    assert own == cells_digest(change_datapath(changed(), {"mac.lanes": 4}, "four_lanes"))
    assert own != cells_digest(changed(rounding="floor"))


def test_a_sweep_weighs_quality_against_cells(tmp_path: Path) -> None:
    require_tool("yosys")
    text = SWEEP.replace("[14, 16, 32]", "[18]") + "pareto: {cost: cells}\n"
    first = run_sweep(sweep(tmp_path, text), tmp_path / "out", jobs=1)
    floor, half_up = (row["cells"] for row in first.table.rows)
    assert isinstance(floor, int)
    assert isinstance(half_up, int)
    assert 0 < floor <= half_up
    kept = sorted((tmp_path / "out" / "cells").iterdir())
    assert len(kept) == 2
    kept[0].write_text("7\n")
    again = run_sweep(sweep(tmp_path, text), tmp_path / "out", jobs=1)
    assert 7 in {row["cells"] for row in again.table.rows}, "counted again"


def test_without_yosys_nothing_is_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from npusim.analysis import cells

    cells.yosys_version.cache_clear()
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(InputError, match="yosys is not installed"):
        run_sweep(sweep(tmp_path, SWEEP + "pareto: {cost: cells}\n"), tmp_path / "out", jobs=1)
    assert not (tmp_path / "out").exists()
