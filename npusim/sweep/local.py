"""Computes points on this machine: in this process, or in several that each compute one at a time."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

from npusim.sweep.measure import measure
from npusim.sweep.outcome import Outcome, Status, Store
from npusim.sweep.tasks import PointTask
from npusim.sweep.workbench import Workbench

See = Callable[[Outcome], None]
"""Told each outcome as it comes."""

_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class Local:
    """Processes of this machine.

    Each writes what it finished into the folder itself, so that nothing is lost with the process that
    started it; without that process it ends at once.

    Parameters
    ----------
    folder
        The sweep's output folder.
    jobs
        How many processes; 1: this one.
    """

    def __init__(self, folder: Path, jobs: int) -> None:
        self._folder, self._jobs = folder, jobs

    def run(self, tasks: Sequence[PointTask], see: See) -> None:
        """Compute all tasks; each outcome is stored before it is seen."""
        if self._jobs == 1 or len(tasks) == 1:
            worker = Worker(self._folder)
            for task in tasks:
                see(worker.compute(task))
            return
        left = list(tasks)
        if not _kernels_are_compiled():
            left = self._round(left[:1], see) + left[1:]
        while left:
            suspects = self._round(left, see)
            for task in suspects[: self._jobs + 1]:
                # A process died, nobody knows over which of these: alone, the guilty one shows itself.
                if self._round([task], see):
                    see(Outcome(task.digest, Status.ERROR, "the process that computed it died"))
            left = suspects[self._jobs + 1 :]

    def _round(self, tasks: Sequence[PointTask], see: See) -> list[PointTask]:
        """Compute tasks until a process dies; returns those left, the suspects first."""
        context = get_context("spawn")
        theirs, ours = context.Pipe(duplex=False)
        pool = ProcessPoolExecutor(
            min(self._jobs, len(tasks)), context, initializer=_start, initargs=(self._folder, theirs)
        )
        left = {task.digest: task for task in tasks}
        with _environment(_ONE_THREAD):
            try:
                for future in as_completed([pool.submit(_compute, task) for task in tasks]):
                    outcome = future.result()
                    see(outcome)
                    del left[outcome.digest]
            except BrokenProcessPool:
                pass  # what is left says enough
            finally:
                # With their end of the pipe they see that it is over, even in the midst of a point.
                if left:
                    ours.close()
                pool.shutdown(wait=True, cancel_futures=True)
                ours.close()
                theirs.close()
        return list(left.values())


class Worker:
    """Computes points and keeps them in a folder."""

    def __init__(self, folder: Path) -> None:
        self._store, self._bench = Store(folder), Workbench(folder / "float")

    def compute(self, task: PointTask) -> Outcome:
        """One point, stored."""
        outcome = measure(task, self._bench)
        self._store.keep(outcome)
        return outcome


_WORKERS: list[Worker] = []
"""The worker of a process that a pool started: pools hand functions nothing else that lasts."""


def _start(folder: Path, alive: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the first process's to answer
    threading.Thread(target=_end_with, args=(alive,), daemon=True).start()
    _WORKERS[:] = [Worker(folder)]


def _end_with(alive: Connection) -> None:
    """End this process when the other end of a pipe closes."""
    try:
        alive.recv_bytes()
    except (EOFError, OSError):
        os._exit(1)


def _compute(task: PointTask) -> Outcome:
    return _WORKERS[0].compute(task)


def _kernels_are_compiled() -> bool:
    """Whether the kernel cache holds anything: else one process compiles before all would."""
    from npusim.kernels.cache import folder

    return any(folder().iterdir())


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Environment variables for processes that are started meanwhile."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
