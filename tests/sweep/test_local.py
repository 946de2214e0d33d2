"""Processes that die under a point take nothing else with them."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest

from npusim.sweep.local import Local
from npusim.sweep.outcome import Outcome, Status, Store
from npusim.sweep.plan import plan
from tests.sweep.folders import sweep
from tests.sweep.test_crash import LONG


@pytest.mark.slow
def test_a_process_that_dies_costs_at_most_a_second_try(tmp_path: Path) -> None:
    tasks = [item.task for item in plan(sweep(tmp_path, LONG))[:6] if item.task is not None]
    seen: list[Outcome] = []

    def see(outcome: Outcome) -> None:
        if not seen:
            victims = [pid for pid in children_of_threads() if b"spawn_main" in command(pid)]
            os.kill(victims[0], signal.SIGKILL)
        seen.append(outcome)

    Local(tmp_path, jobs=2).run(tasks, see)
    assert sorted(outcome.digest for outcome in seen) == sorted(task.digest for task in tasks)
    assert {outcome.status for outcome in seen} == {Status.OK}
    assert all(Store(tmp_path).find(task.digest) is not None for task in tasks)


def children_of_threads() -> list[int]:
    threads = [thread.native_id for thread in threading.enumerate()]
    folders = [Path(f"/proc/self/task/{thread}/children") for thread in threads]
    return [int(word) for folder in folders if folder.exists() for word in folder.read_text().split()]


def command(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()
