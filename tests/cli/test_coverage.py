"""`npusim coverage`: what it prints, its JSON, grading what it wrote, and what it refuses."""

from __future__ import annotations

import json
from json import loads
from pathlib import Path

import pytest

from tests.cli.run import Cli
from tests.vectors.programs import small_network


def test_solved_vectors_are_graded_complete(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "v.json"
    done = cli("coverage", "gemmini_os", "--beats", "2", "-o", str(path), "--json")
    assert (done.code, done.err) == (0, "")
    units = {unit["unit"]: unit for unit in json.loads(done.out)["units"]}
    assert list(units) == ["mac.result", "mac.column_of_2_beats"]
    assert all(unit["missed"] == 0 and unit["hit"] > 20 for unit in units.values())
    graded = cli("coverage", "gemmini_os", "--grade", str(path))
    assert graded.code == 0
    assert "mac.result" in graded.out
    assert len(json.loads(path.read_text())["mac.result"]) == units["mac.result"]["vectors"]


def test_a_set_that_misses_bins_fails(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "v.json"
    vector = {"value": 3, "fields": {"shift": 1, "low": -128, "high": 127}}
    path.write_text(json.dumps({"mac.result": [vector]}))
    done = cli("coverage", "gemmini_os", "--grade", str(path))
    assert done.code == 1
    assert "bins that could be hit are not" in done.err
    assert "missed: A.mac.result.input.low" in done.out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", "not a mapping"),
        ("{", "no JSON"),
        ('{"conv": []}', "no such unit"),
        ('{"mac.result": 3}', "no list of vectors"),
        ('{"mac.result": [{"value": 3}]}', "no vector"),
        ('{"mac.result": [{"value": 3, "fields": {"shift": true}}]}', "not all numbers are integers"),
        ('{"mac.result": [{"value": 3, "fields": {"shift": 99, "low": 0, "high": 0}}]}', "no legal vector"),
    ],
)
def test_bad_vectors_are_refused(cli: Cli, tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "v.json"
    path.write_text(text)
    done = cli("coverage", "gemmini_os", "--grade", str(path))
    assert done.code == 2
    assert said in done.err


def test_covergroups_are_written(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "bins.sv"
    assert cli("coverage", "gemmini_os", "--beats", "1", "--covergroups", path).code == 0
    assert path.read_text().count("endmodule") == 2
    assert "module gemmini_os_mac_column_of_1_beats_coverage (" in path.read_text()
    assert "module gemmini_os_mac_result_coverage (" in path.read_text()
    (tmp_path / "v.json").write_text("{}")
    refused = cli.refused("coverage", "gemmini_os", "--grade", tmp_path / "v.json", "--covergroups", path)
    assert "without --grade" in refused


def test_the_steps_of_a_program(cli: Cli, tmp_path: Path) -> None:
    program, inputs = tmp_path / "small.yaml", tmp_path / "x.h5"
    small_network().save(program)
    done = cli("coverage", program, "--step", "block/conv", "-o", inputs, "--json")
    assert done.code == 0
    (step,) = done.json["steps"]
    assert step["unknown"] == step["missed"] == 0
    graded = cli("coverage", program, "--step", "block/conv", "--grade", inputs, "--json")
    assert graded.code == 0
    assert graded.json["steps"][0]["hit"] == step["hit"]
    assert "is of datapaths" in cli.refused("coverage", program, "--operation", "mac")
    assert "is of programs" in cli.refused("coverage", "wes_npu", "--step", "fc")
    assert "--solved" in cli.refused("coverage", program, "--step", "fc", "-o", inputs)


def test_a_set_of_solved_inputs(cli: Cli, tmp_path: Path) -> None:
    program, folder = tmp_path / "small.yaml", tmp_path / "set"
    small_network().save(program)
    assert cli("vectors", program, "--step", "add", "--solved", "-o", folder).code == 0
    covered = loads((folder / "coverage.json").read_text())
    assert covered["images"] == loads((folder / "manifest.json").read_text())["images"]
    assert covered["unknown"] == 0
    assert "one --step" in cli.refused("vectors", program, "--solved", "-o", folder)
