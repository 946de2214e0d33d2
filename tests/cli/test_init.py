"""`npusim init`: a project that compiles, runs, evaluates, proves and writes vectors by its own commands."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

import npusim
from npusim.compiler.recipe import load_recipe
from npusim.starter import commands
from tests.cli.run import Cli

FILES = {
    "README.md",
    "network.yaml",
    "network.h5",
    "datapath.yaml",
    "recipe.yaml",
    "calibration.h5",
    "test.h5",
}


def test_its_commands_work(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = cli("init", tmp_path / "mine")
    assert (done.code, done.err) == (0, "")
    folder = tmp_path / "mine"
    assert {path.name for path in folder.iterdir()} == FILES
    shown = re.findall(r"^npusim .*$", (folder / "README.md").read_text(), re.MULTILINE)
    assert shown == commands()
    assert [command.split()[1] for command in shown] == [
        "datapath",
        "compile",
        "run",
        "eval",
        "prove",
        "vectors",
    ]
    monkeypatch.chdir(folder)
    for command in shown:
        ran = cli(*shlex.split(command)[1:])
        assert (ran.code, ran.err) == (0, ""), command
    assert (folder / "vectors" / "manifest.json").is_file()
    found = cli("eval", "network.yaml", "program.yaml", "--data", "test.h5", "--json").json
    assert found["float"]["top1"] > 0.97
    assert abs(found["difference"]["top1"]["mean"]) < 0.02


def test_its_files_are_commented_and_load(cli: Cli, tmp_path: Path) -> None:
    cli("init", tmp_path)
    for name in ("network.yaml", "datapath.yaml", "recipe.yaml"):
        assert (tmp_path / name).read_text().startswith("# "), name
    assert npusim.load_network(tmp_path / "network.yaml").name == "starter"
    assert npusim.load_datapath(tmp_path / "datapath.yaml").mac.accumulator.bits == 24
    assert load_recipe(tmp_path / "recipe.yaml").name == "starter"


def test_the_lines_to_try_work(cli: Cli, tmp_path: Path) -> None:
    cli("init", tmp_path)
    path = tmp_path / "datapath.yaml"
    text = path.read_text()
    tried = re.findall(r"^  # ((?:mac|pipelines|fields)\.\S+: \S+) .*$", text, re.MULTILINE)
    assert len(tried) == 3
    for line in tried:
        path.write_text(f"{text}  {line}\n")
        npusim.load_datapath(path)


def test_nothing_is_overwritten_unasked(cli: Cli, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("mine\n")
    assert "recipe.yaml: is there already; nothing was written" in cli.refused("init", tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"recipe.yaml"}
    assert recipe.read_text() == "mine\n"
    done = cli("init", tmp_path, "--force", "--json")
    assert done.json["replaced"] == ["recipe.yaml"]
    assert recipe.read_text() != "mine\n"


def test_a_file_in_the_way(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "cannot be made" in cli.refused("init", tmp_path / "file")
