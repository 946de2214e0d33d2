"""A measure: what is kept of every sample, and what all of it says in the end."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.task import Task

Array = npt.NDArray[Any]
Records = dict[str, Array]
"""What is kept: arrays whose first axis counts samples."""


@dataclass(frozen=True)
class Answers:
    """What both models say to some samples.

    Attributes
    ----------
    samples
        How many. Each is one or more inputs of the network (the windows of a spectrogram).
    inputs
        What the float network reads, inputs first; None in runs of integers alone.
    real, integer
        Every output in real units, inputs first; `real` is None in runs of integers alone.
    labels
        One per sample, or None.
    """

    samples: int
    inputs: Array | None
    real: Mapping[str, Array] | None
    integer: Mapping[str, Array]
    labels: npt.NDArray[np.int64] | None


@dataclass(frozen=True)
class Disagreement:
    """A sample to which integers give another answer than float."""

    index: int
    name: str | None
    label: int | None
    float_answer: int
    integer_answer: int

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "index": self.index,
            "name": self.name,
            "label": self.label,
            "float": self.float_answer,
            "integer": self.integer_answer,
        }


class Measure(ABC):
    """One task's measure.

    Parameters
    ----------
    task
        The task and its settings.
    outputs
        The program's outputs with their shapes, in order.
    """

    def __init__(self, task: Task, outputs: Mapping[str, tuple[int, ...]]) -> None:
        self.task = task
        self.outputs = dict(outputs)
        self.first = next(iter(outputs))

    @abstractmethod
    def record(self, answers: Answers) -> Records:
        """What is kept of these samples."""

    @abstractmethod
    def conclude(self, records: Records) -> dict[str, Any]:
        """Plain data for JSON: groups ``float``, ``integer``, ``difference``, and the measure's own."""

    def disagreements(self, records: Records) -> list[tuple[int, int, int]]:
        """Samples answered differently: (index, float's answer, integers' answer)."""
        return []
