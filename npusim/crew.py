"""Threads that share a run's images."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count as counter

from npusim.steps.executors.schedule import Helpers

Progress = Callable[[int, int], None]


class Pools:
    """Idle threads, kept from run to run: starting them takes longer than a small network."""

    def __init__(self) -> None:
        self._process = os.getpid()
        self._pools: dict[int, ThreadPoolExecutor] = {}

    def of(self, threads: int) -> ThreadPoolExecutor:
        """A pool of so many threads."""
        if self._process != os.getpid():  # a forked child has none of its parent's threads
            self._process, self._pools = os.getpid(), {}
        if threads not in self._pools:
            self._pools[threads] = ThreadPoolExecutor(threads)
        return self._pools[threads]


class Crew:
    """The threads of one run, the caller among them.

    Attributes
    ----------
    threads
        How many.
    """

    def __init__(self, threads: int, pools: Pools) -> None:
        self.threads, self._pools = threads, pools

    def helpers(self) -> Helpers:
        """All but the caller, for parts of one image."""
        return Helpers(self._pools.of(self.threads - 1), self.threads)

    def each(self, work: Callable[[int], None], count: int, progress: Progress | None) -> None:
        """Do every piece of work once; whoever is free takes the next.

        Progress is reported from the caller's thread. After an error no more is begun, and one is raised.
        """
        numbers, done = counter(), [0]
        stopped, told = False, 0

        def tell() -> None:
            nonlocal told
            while progress is not None and told < len(done) - 1:
                told += 1
                progress(told, count)

        def drain(*, mine: bool) -> None:
            nonlocal stopped
            try:
                while not stopped and (number := next(numbers)) < count:
                    work(number)
                    done.append(number)
                    if mine:
                        tell()
            except BaseException:
                stopped = True
                raise

        others = min(self.threads, count) - 1
        waiting = [self._pools.of(others).submit(drain, mine=False) for _ in range(max(others, 0))]
        try:
            drain(mine=True)
        finally:
            for other in waiting:
                other.result()
        tell()
