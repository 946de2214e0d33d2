"""README.md tells the truth: its commands exist, its examples run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from npusim.cli.app import app
from npusim.datapath import load_datapath

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
RUN = (ROOT / ".ci" / "run").read_text()
DEMO = "python3 -m venv .venv && .venv/bin/pip install -q -e . && .venv/bin/npusim demo"
TEST = "python3 -m venv .venv && .venv/bin/pip install -q -e '.[test]' && .venv/bin/python -m pytest"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def commands() -> set[str]:
    """Every command of the command line, with its group: ``datapath show``."""
    top = get_command(app).commands  # type: ignore[attr-defined]
    found = set()
    for name, command in top.items():
        inner = getattr(command, "commands", None)
        default = getattr(command, "default", None)  # may be left out
        below = [name if one == default else f"{name} {one}" for one in inner or ()]
        found |= {name} if inner is None else set(below)
    return found


def test_the_two_commands_stand_there_once() -> None:
    assert [README.splitlines().count(command) for command in (DEMO, TEST)] == [1, 1]


def test_continuous_integration_runs_the_test_command_of_the_readme() -> None:
    (pattern,) = re.findall(r"^tests=\"\$\(grep -E '(.*)' README.md\)\"$", RUN, re.MULTILINE)
    assert [line for line in README.splitlines() if re.search(pattern, line)] == [TEST]
    assert 'bash -euo pipefail -c "$tests"' in RUN


def test_the_script_of_continuous_integration_can_be_run() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    done = subprocess.run(["bash", "-n", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_table_lists_every_command() -> None:
    rows = re.findall(r"^\| `npusim ([^`]*)` \|", README, re.MULTILINE)
    listed = {re.match(r"[a-z]+( [a-z]+)*", row).group() for row in rows}  # type: ignore[union-attr]
    assert listed == commands()
    assert len(rows) == len(listed)


def test_the_edited_datapath_loads(tmp_path: Path) -> None:
    (text,) = blocks("yaml")
    path = tmp_path / "narrow.yaml"
    path.write_text(text)
    narrow, base = load_datapath(path), load_datapath("wes_npu")
    assert narrow.mac.accumulator.bits == 20
    assert narrow.pipelines["mac"] != base.pipelines["mac"]


def test_the_python_example_runs(tmp_path: Path) -> None:
    (code,) = blocks("python")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_links_and_paths_lead_somewhere(document: str) -> None:
    text = (ROOT / document).read_text()
    named = re.findall(r"\]\((?!http)([^)#]+)\)", text)
    named += re.findall(r"`((?:npusim|kernels|configs|tests|tools|\.ci)/[\w./-]*)`", text)
    prose = re.sub(r"^ *```.*?^ *```$", "", text, flags=re.MULTILINE | re.DOTALL)
    assert [name for name in named if name in prose and not (ROOT / name).exists()] == []
