"""``npusim sweep``: what it prints, writes and refuses."""

from __future__ import annotations

import builtins
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.run import Cli
from tests.sweep.folders import SWEEP, write_folder


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    return Cli(monkeypatch, capsys)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_folder(tmp_path, SWEEP.replace("[14, 16, 32]", "[3, 32]"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_sweep_is_told_and_written(cli: Cli, folder: Path) -> None:
    done = cli("sweep", "sweep.yaml", "--jobs", 1)
    assert (done.code, done.err) == (0, "")
    out = folder / "sweep-small"
    assert {path.name for path in out.iterdir()} >= {"results.csv", "results.h5", "timings.csv", "plots"}
    assert "4 points computed, 0 found finished in sweep-small" in done.out
    assert done.out.count("refused: bits 3, rounding ") == 2
    lines = [line.split() for line in done.out.splitlines()]
    assert [line[2] for line in lines if line[:1] == ["3"]] == ["refused", "refused"]
    assert ["32", "half_up"] in [line[:2] for line in lines if line[-1:] == ["*"]]
    before = (out / "results.csv").read_bytes()
    again = cli("sweep", "sweep.yaml", "--jobs", 1, "--json").json
    assert (again["computed"], again["reused"]) == (0, 4)
    assert [row["status"] for row in again["rows"]] == ["refused", "refused", "ok", "ok"]
    assert (out / "results.csv").read_bytes() == before


def test_options_replace_what_the_file_says(cli: Cli, folder: Path) -> None:
    other = folder / "elsewhere"
    write_folder(other)
    options = ["--network", "elsewhere/net.yaml", "--data", "elsewhere/x.h5[:2]", "--calibration", "x.h5"]
    more = ["--recipe", "layerwise", "--images", 1, "--label-offset", 1, "--quality", "agreement"]
    done = cli("sweep", "sweep.yaml", "-o", "o", "--jobs", 1, "--json", "--cost", "bits", *options, *more)
    found = done.json
    assert (found["quality"], found["cost"]) == ("agreement", "bits")
    kept = [row for row in found["rows"] if row["status"] == "ok"]
    assert {(row["network"], row["recipe"], row["images"]) for row in kept} == {("net", "layerwise", 1)}


def test_without_matplotlib_the_tables_are_written(
    cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _hide(monkeypatch, "matplotlib", "npusim.sweep.plots")
    done = cli("sweep", "sweep.yaml", "-o", "o", "--jobs", 1)
    assert done.code == 0
    assert done.err == "no plots: they need matplotlib (pip install 'npusim[plots]')\n"
    assert (folder / "o" / "results.csv").exists()


def test_without_dask_a_scheduler_is_refused(cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _hide(monkeypatch, "distributed", "npusim.sweep.cluster")
    message = cli.refused("sweep", "sweep.yaml", "-o", "o", "--scheduler", "tcp://127.0.0.1:1")
    assert "pip install 'npusim[dask]'" in message


def _hide(monkeypatch: pytest.MonkeyPatch, package: str, user: str) -> None:
    """As if a package were not installed, for the module that imports it."""
    monkeypatch.delitem(sys.modules, user, raising=False)
    imported = builtins.__import__

    def refuse(name: str, *rest: Any, **more: Any) -> Any:
        if name.partition(".")[0] == package:
            raise ModuleNotFoundError(f"No module named {name!r}", name=package)
        return imported(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", refuse)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["acumulator_width"], "did you mean 'accumulator_width'?"),
        (["missing.yaml"], "missing.yaml: file not found"),
        (["sweep.yaml", "--network", "none.yaml"], "none.yaml: file not found"),
        (["sweep.yaml", "--data", "x.h5[9:]"], "no such rows"),
        (["sweep.yaml", "--recipe", "wess"], "did you mean 'wes'?"),
        (["sweep.yaml", "--datapath", "wes"], "no such datapath"),
        (["sweep.yaml", "--quality", "beauty"], "allowed: top1, agreement, output_sqnr_db, worst_sqnr_db"),
        (["sweep.yaml", "--cost", "money"], "allowed: accumulator_bits"),
        (["sweep.yaml", "--jobs", "0"], "--jobs"),
        (["net.yaml"], "net.yaml"),
    ],
)
def test_mistakes_are_one_message(cli: Cli, folder: Path, arguments: list[str], says: str) -> None:
    assert says in cli.refused("sweep", *arguments, "-o", "o")
    assert not (folder / "o" / "results.csv").exists()


def test_errors_end_with_code_1_after_the_tables_are_written(
    cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("npusim.sweep.measure.costs", lambda program: 1 // 0)
    done = cli("sweep", "sweep.yaml", "-o", "o", "--jobs", 1)
    assert done.code == 1
    assert done.err.startswith("npusim: 2 points could not be computed, the first: ZeroDivisionError: ")
    assert "error: bits 32, rounding floor: ZeroDivisionError" in done.out
    monkeypatch.undo()
    monkeypatch.chdir(folder)
    kept = json.loads(next((folder / "o" / "points").glob("*.json")).read_text())
    assert kept["status"] == "refused"
