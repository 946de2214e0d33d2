"""What an evaluation says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from npusim import notebook
from npusim.evaluation.measures.base import Disagreement
from npusim.evaluation.noise import finite
from npusim.statistics import StepStatistics
from npusim.task import TaskKind


@dataclass(frozen=True)
class StepQuality:
    """One step's output against the same tensor in float.

    Attributes
    ----------
    sqnr_db
        Everything before it integer too.
    alone_sqnr_db
        The step fed by float's values, quantized: what it adds itself. None: not measured.
    """

    name: str
    tensor: str
    sqnr_db: float
    alone_sqnr_db: float | None = None


@dataclass(frozen=True)
class Evaluation:
    """A program on some data, against its float network if there is one.

    Attributes
    ----------
    images
        How many samples.
    float_top1, integer_top1
        Shares of images classified as labelled; None without labels, and for other tasks.
    agreement
        The share of images, of pixels, of anchors that both give the same class; None for other tasks.
    outputs
        SQNR of every output in dB.
    steps
        SQNR of every step over the first `step_images` samples.
    task
        What the answers were judged as.
    measures
        The task's own measures, plain data.
    disagreements
        The images to which both models give different classes.
    """

    images: int
    float_top1: float | None
    integer_top1: float | None
    agreement: float | None
    outputs: dict[str, float]
    steps: tuple[StepQuality, ...]
    statistics: dict[str, StepStatistics] = field(repr=False)
    task: TaskKind = TaskKind.FIDELITY
    measures: dict[str, Any] = field(default_factory=dict, repr=False)
    disagreements: tuple[Disagreement, ...] = field(default=(), repr=False)
    step_images: int = 0

    def __repr__(self) -> str:
        return notebook.evaluation_line(self)

    def _repr_html_(self) -> str:
        return notebook.evaluation_html(self)

    def to_json(self) -> dict[str, Any]:
        """Plain data, as ``npusim eval --json`` prints it."""
        sides = {side: {"top1": None, **self.measures.get(side, {})} for side in ("float", "integer")}
        return {
            "images": self.images,
            "task": self.task.value,
            "agreement": self.agreement,
            **self.measures,
            **sides,
            "outputs": [{"name": name, "sqnr_db": finite(db)} for name, db in self.outputs.items()],
            "step_images": self.step_images,
            "steps": [
                {
                    "name": step.name,
                    "tensor": step.tensor,
                    "sqnr_db": finite(step.sqnr_db),
                    "alone_sqnr_db": finite(step.alone_sqnr_db),
                }
                for step in self.steps
            ],
            "disagreements": [found.to_json() for found in self.disagreements],
        }
