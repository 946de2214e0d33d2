"""Runs that take turns, so that all meet the same machine; ratios are taken within each turn."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Run = Callable[[], object]
Seconds = dict[str, npt.NDArray[np.float64]]


def turns(
    runs: Mapping[str, Run], repetitions: int, clock: Callable[[], float] = time.process_time
) -> Seconds:
    """Seconds of every run, turn by turn, after two turns that are not counted.

    Each counted run comes right behind another of its own, so that it finds its data in the caches, not what
    the one before left there.

    Parameters
    ----------
    clock
        The process's processor time for what runs on one thread, which other users of the machine hardly
        change; wall time for what does not.
    """
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(-2, repetitions):
        for name, run in runs.items():
            run()
            start = clock()
            run()
            if turn >= 0:
                seconds[name].append(clock() - start)
    return {name: np.array(values) for name, values in seconds.items()}


def best(run: Run, repetitions: int) -> float:
    """The least processor time of several runs."""
    return float(turns({"": run}, repetitions)[""].min())


@dataclass(frozen=True)
class Ratio:
    """How many times as long as another run, turn by turn."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, seconds: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> Ratio:
        """Median and quartiles."""
        low, median, high = np.percentile(seconds / other, [25, 50, 75])
        return cls(float(median), float(low), float(high))

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.low:.2f} .. {self.high:.2f})"


def table(head: list[str], rows: list[list[Any]]) -> list[str]:
    """Markdown."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
