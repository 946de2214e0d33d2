"""A sweep that is killed loses nothing that was finished, repeats nothing, and ends as any other."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from npusim.sweep.load import load_sweep
from npusim.sweep.run import run_sweep
from tests.sweep.folders import SWEEP, write_folder
from tests.sweep.processes import WITHIN, finished, start, wait_for

POINTS = 24
LONG = SWEEP.replace("values: [14, 16, 32]", "range: {first: 21, last: 32}")


def begin(folder: Path, log: str, jobs: int) -> subprocess.Popen[bytes]:
    command = ("npusim", "sweep", "sweep.yaml", "-o", "out", "--jobs", jobs, "--json")
    return start(*command, folder=folder, log=log)


def children(process: int) -> list[int]:
    text = Path(f"/proc/{process}/task/{process}/children").read_text()
    return [int(word) for word in text.split()]


def alive(process: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{process}/status").read_text()
    except OSError:
        return False


@pytest.mark.parametrize(
    ("ending", "jobs"), [(signal.SIGKILL, 2), pytest.param(signal.SIGINT, 1, marks=pytest.mark.slow)]
)
def test_killed_and_run_again(ending: signal.Signals, jobs: int, tmp_path: Path) -> None:
    write_folder(tmp_path, LONG)
    first = begin(tmp_path, "first.log", jobs)
    wait_for(lambda: len(finished(tmp_path / "out")) >= 3, "the first points")
    workers = children(first.pid)
    os.kill(first.pid, ending)
    assert first.wait(WITHIN) == (130 if ending is signal.SIGINT else -ending)
    wait_for(lambda: not any(map(alive, workers)), "the end of the processes it started")
    kept = finished(tmp_path / "out")
    assert 3 <= len(kept) < POINTS
    assert not (tmp_path / "out" / "results.csv").exists()

    second = begin(tmp_path, "second.log", jobs)
    assert second.wait(WITHIN) == 0
    result = json.loads((tmp_path / "second.log").read_text())
    assert (result["computed"], result["reused"]) == (POINTS - len(kept), len(kept))
    everything = finished(tmp_path / "out")
    assert len(everything) == POINTS
    assert {name: everything[name] for name in kept} == kept
    assert {row["status"] for row in result["rows"]} == {"ok"}

    run_sweep(load_sweep(tmp_path / "sweep.yaml"), tmp_path / "here", jobs=1)
    for name in ("results.csv", "results.h5"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "here" / name).read_bytes()
