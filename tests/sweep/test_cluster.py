"""A real Dask cluster of processes: one worker is killed in mid-run, one joins late."""

from __future__ import annotations

import json
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from npusim.errors import InputError
from npusim.sweep.load import load_sweep
from npusim.sweep.run import run_sweep
from tests.sweep.folders import sweep, write_folder
from tests.sweep.processes import finished, start, wait_for
from tests.sweep.test_crash import LONG, POINTS

pytest.importorskip("distributed", reason="part of the extra dask")


class Processes:
    """A scheduler, and workers by name, each in the folder that holds its log."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{port}"
        self._folder = folder
        self.pids: dict[str, int] = {}
        command = ("dask", "scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard")
        self.running = {"scheduler": start(*command, folder=folder, log="scheduler.log")}
        wait_for(lambda: b"Scheduler at" in (folder / "scheduler.log").read_bytes(), "the scheduler")

    def join(self, name: str) -> None:
        """Start a worker; its folder is its own, nothing is shared with it."""
        place = self._folder / name
        place.mkdir()
        command = ("dask", "worker", self.address, "--name", name, "--nthreads", 1, "--no-nanny")
        own = ("--local-directory", place, "--no-dashboard")
        self.running[name] = start(*command, *own, folder=place, log="worker.log")
        self.pids[name] = self.running[name].pid
        wait_for(lambda: b"Registered to" in (place / "worker.log").read_bytes(), f"the worker {name}")

    def kill(self, name: str) -> None:
        """Kill a process."""
        process = self.running.pop(name)
        process.kill()
        process.wait()


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    made = Processes(tmp_path)
    yield made
    for name in list(made.running):
        made.kill(name)


def test_a_cluster_gives_what_this_machine_gives(processes: Processes, tmp_path: Path) -> None:
    path = write_folder(tmp_path / "sweep", LONG)
    here = run_sweep(load_sweep(path), tmp_path / "here", jobs=1)
    for name in ("one", "two"):
        processes.join(name)
    command = ("npusim", "sweep", path, "-o", tmp_path / "there", "--scheduler", processes.address)
    running = start(*command, folder=tmp_path, log="sweep.log")
    wait_for(lambda: len(_computed_by(tmp_path / "there")) == 2, "points of both workers")
    processes.running["two"].send_signal(signal.SIGSTOP)  # else it may finish before the late one is there
    processes.kill("one")
    processes.join("late")
    wait_for(lambda: processes.pids["late"] in _computed_by(tmp_path / "there"), "the late worker's points")
    processes.running["two"].send_signal(signal.SIGCONT)
    assert running.wait() == 0, (tmp_path / "sweep.log").read_text()

    assert len(finished(tmp_path / "there")) == POINTS == here.computed
    for name in ("results.csv", "results.h5", "plots/net-bits.svg"):
        assert (tmp_path / "there" / name).read_bytes() == (tmp_path / "here" / name).read_bytes()
    assert _computed_by(tmp_path / "there") == {processes.pids[name] for name in ("one", "two", "late")}


def _computed_by(folder: Path) -> set[int]:
    return {json.loads(content)["timing"]["process"] for _, content in finished(folder).values()}


def test_no_scheduler_is_a_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("npusim.sweep.cluster._PATIENCE", "0.5s")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(InputError, match="--scheduler: no Dask scheduler answers"):
        run_sweep(sweep(tmp_path), tmp_path / "out", scheduler=address)
