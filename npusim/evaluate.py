"""How well a program keeps what its float network knew: accuracy, agreement, SQNR per step."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy.typing as npt

from npusim.errors import InputError
from npusim.evaluation.fitting import Fitting
from npusim.evaluation.judge import Depth, Judge, Progress, check_match, program_inputs
from npusim.evaluation.measures.base import Disagreement, Records
from npusim.evaluation.noise import SignalToNoise
from npusim.evaluation.result import Evaluation, StepQuality
from npusim.evaluation.run import Options, evaluate_samples
from npusim.evaluation.samples import ArraySamples, FileSamples
from npusim.network import Network
from npusim.program import Program
from npusim.statistics import StepStatistics
from npusim.task import Task

__all__ = [
    "Answers",
    "ArraySamples",
    "Disagreement",
    "Evaluation",
    "FileSamples",
    "Options",
    "SignalToNoise",
    "StepQuality",
    "evaluate",
    "evaluate_samples",
    "program_inputs",
]

Array = npt.NDArray[Any]
Answers = Callable[[Array, Array, Array], None]
"""Inputs of a few samples, the first output in float, and the same from integers, dequantized."""


def evaluate(
    network: Network,
    program: Program,
    data: Iterable[tuple[Array, Array | None]],
    *,
    label_offset: int | None = None,
    task: Task | None = None,
    threads: int | None = None,
    total: int = 0,
    progress: Progress | None = None,
    answers: Answers | None = None,
) -> Evaluation:
    """Compare a program with its float network in every step, with statistics, on data in memory.

    Parameters
    ----------
    data
        Batches of raw samples with their labels or None. Integers go through the preprocess block.
    label_offset
        Added to labels: 1 for networks whose class 0 is "background". None: as the task says.
    task
        What answers are judged as; None: what the network says, else what its shapes suggest.
    total
        Samples in all, for `progress`.
    answers
        Called with the answers to a few samples at a time: for measures of one's own.

    See Also
    --------
    evaluate_samples : on any amount of data; outputs always, steps on a part.
    """
    check_match(network, program)
    judge: Judge | None = None
    parts: list[Records] = []
    statistics: list[dict[str, StepStatistics]] = []
    done = 0
    for raw, labels in data:
        fitting = Fitting(raw.shape[1:], program.inputs[0].shape, None, network.preprocess)
        if judge is None:
            judge = Judge(
                network,
                program,
                task=task,
                label_offset=label_offset,
                inputs=fitting.inputs,
                threads=threads,
            )
        assert judge.float_side is not None
        size = judge.float_side.samples
        for start in range(0, len(raw), size):
            piece = fitting(raw[start : start + size])
            own = None if labels is None else labels[start : start + size]
            kept, said, seen = judge.look(piece, own, Depth.STATISTICS)
            parts.append(kept)
            statistics.append(seen)
            done += said.samples
            if answers is not None and said.real is not None:
                first = program.output_names[0]
                answers(piece, said.real[first], said.integer[first])
            if progress is not None:
                progress(done, total)
    if judge is None:
        raise InputError("there are no samples to evaluate")
    return judge.conclude(parts, statistics)
