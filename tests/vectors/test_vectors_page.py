"""docs/vectors.md: its commands run as they stand there, on a smaller datapath."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from npusim.steps.mac import MacOperation
from tests.tools import require_tool
from tests.vectors.programs import WES, mac, one_mac

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "vectors.md").read_text()
SMALL = "gemmini_os"
DEVICE = r"""your_dut() { sed -E '/^#/! s/^([^:]*): (.*)$/\1: \2 : \2/'; }"""


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def shell(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a script in which `npusim` is this checkout's."""
    start = f'set -eo pipefail; npusim() {{ "{sys.executable}" -m npusim "$@"; }}; {DEVICE}\n'
    return subprocess.run(
        ["bash", "-c", start + script],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.parametrize("index", range(3))
def test_units_and_the_pipe(index: int, tmp_path: Path) -> None:
    require_tool("gcc")
    done = shell(blocks("sh")[index].replace("wes_npu", SMALL), tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"are what the spec makes|: 0 mismatches", done.stdout)


def test_steps_run_on_the_reference(tmp_path: Path) -> None:
    require_tool("iverilog")
    one_mac(mac("conv", "x", "y", MacOperation.CONV2D, (2, 3, 3, 3)), WES, (3, 3, 3)).save(
        tmp_path / "prog.yaml"
    )
    first, second, third = blocks("sh")[3].splitlines()
    for command in (first, third.replace("wes_npu", SMALL)):
        done = shell(command, tmp_path)
        assert done.returncode == 0, done.stderr
        assert "passed" in done.stdout
    assert "--rtl your_mac.sv --ports map.yaml" in second  # tested where users' RTL is: tests/rtl


def test_grading(tmp_path: Path) -> None:
    solve, grade = blocks("sh")[4].splitlines()
    assert shell(solve.replace("wes_npu", SMALL), tmp_path).returncode == 0
    (tmp_path / "your_cases.txt").write_text(blocks("text")[1])
    done = shell(grade, tmp_path)
    assert done.returncode == 1
    assert "bins that could be hit are not" in done.stderr
