"""Runs both models over a few samples at a time, and sums up what was kept of all of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim import reference
from npusim.errors import InputError
from npusim.evaluation.floats import FloatSide
from npusim.evaluation.layers import StepNoise, Watch
from npusim.evaluation.measures.base import Answers, Disagreement, Records
from npusim.evaluation.measures.registry import guess_task, measure_for
from npusim.evaluation.noise import decibels, powers
from npusim.evaluation.result import Evaluation, StepQuality
from npusim.input_codes import to_codes
from npusim.network import Network
from npusim.program import Program
from npusim.simulator import Result, Simulator, dequantize
from npusim.statistics import StepStatistics, merge_statistics
from npusim.task import Task, TaskKind

Array = npt.NDArray[Any]
Statistics = dict[str, StepStatistics]
Progress = Callable[[int, int], None]
Names = Callable[[int], str | None]


class Depth(Enum):
    """How closely samples are looked at."""

    OUTPUTS = "outputs"
    EVENTS = "events"
    """Events of every step."""
    STEPS = "steps"
    """SQNR of every step."""
    STATISTICS = "statistics"
    """SQNR of every step, and events."""


_WATCHED = frozenset({Depth.STEPS, Depth.STATISTICS})
_COUNTED = frozenset({Depth.EVENTS, Depth.STATISTICS})


class Judge:
    """A program, and its float network if there is one, ready to answer.

    Parameters
    ----------
    network
        None: integers alone.
    task
        What answers are judged as; None: what the network says, else what its shapes suggest.
    label_offset
        Instead of the task's.
    inputs
        How many inputs of the network one sample makes.
    cache
        A folder in which float's answers are kept, or None.
    """

    def __init__(
        self,
        network: Network | None,
        program: Program,
        *,
        task: Task | None = None,
        label_offset: int | None = None,
        inputs: int = 1,
        threads: int | None = None,
        cache: Path | None = None,
    ) -> None:
        if network is not None:
            check_match(network, program)
        elif len(program.input_names) > 1:
            found = ", ".join(program.input_names)
            raise InputError("only programs of one input can be evaluated", found=found)
        self.network, self.program, self.inputs = network, program, inputs
        self.task = task or (network.task if network is not None else None) or Task(kind=_guess(program))
        if label_offset is not None:
            self.task = self.task.replace(label_offset=label_offset)
        self.measure = measure_for(self.task, {t.name: t.shape for t in program.outputs})
        self.float_side = None if network is None else FloatSide(network, program.output_names, inputs, cache)
        self._threads = threads or os.cpu_count() or 1
        self._simulator = Simulator(program)
        self._meant = [name for name in program.output_names if name in program.real.tensors]

    @cached_property
    def noise(self) -> StepNoise:
        """What SQNR of steps needs; made when it is first asked for."""
        assert self.network is not None
        return StepNoise(self.network, self.program, self._threads)

    def look(
        self, raw: Array, labels: npt.NDArray[np.int64] | None, depth: Depth
    ) -> tuple[Records, Answers, Statistics]:
        """Both models' answers to some samples, and what is kept of them.

        Parameters
        ----------
        raw
            The network's inputs, `inputs` for each sample.
        """
        samples = len(raw) // self.inputs
        run = self._run(raw, depth)
        integer = {name: self._real(name, codes) for name, codes in run.outputs.items()}
        if self.network is None or self.float_side is None:
            # Only reconstruction compares with what went in; making reals of bytes takes as long as running.
            asked = self.task.kind is TaskKind.RECONSTRUCTION
            answers = Answers(samples, self._real_inputs(raw) if asked else None, None, integer, labels)
            return self._kept(answers), answers, run.statistics or {}
        watch = self._watch(raw, run, samples) if depth in _WATCHED else None
        real = self.float_side.outputs(raw, watch)
        inputs = reference.real_inputs(self.network, raw)[self.network.inputs[0].name]
        answers = Answers(samples, inputs, real, integer, labels)
        kept = self._kept(answers)
        kept["outputs"] = np.stack([powers(real[n], integer[n], samples) for n in self._meant], axis=1)
        if watch is not None:
            kept["steps"] = watch.found
        return kept, answers, run.statistics or {}

    def _run(self, raw: Array, depth: Depth) -> Result:
        taps = [f"{step.name}:output" for step in self.noise.steps] if depth in _WATCHED else []
        return self._simulator.run(
            self._readable(raw), taps=taps, statistics=depth in _COUNTED, threads=self._threads
        )

    def _watch(self, raw: Array, run: Result, samples: int) -> Watch:
        return self.noise.watch(to_codes(self.program, self._readable(raw)), run.taps, samples)

    def _kept(self, answers: Answers) -> Records:
        return {"samples": np.ones(answers.samples, np.uint8), **self.measure.record(answers)}

    def _readable(self, raw: Array) -> Array:
        """Raw data as the program reads them."""
        if self.network is not None:
            return program_inputs(self.network, self.program, raw)
        if self.program.input_names[0] in self._tables(raw):
            return raw
        real = self._real_inputs(raw)
        return raw if real is None else real

    def _tables(self, raw: Array) -> Collection[str]:
        return self.program.real.byte_tables if raw.dtype == np.uint8 else ()

    def _real_inputs(self, raw: Array) -> Array | None:
        """What a program without its network was fed, in real units; None: codes, as far as anyone knows."""
        if np.issubdtype(raw.dtype, np.floating):
            return raw
        preprocess = self.program.real.preprocess
        return None if preprocess is None else preprocess.to_real(raw)

    def _real(self, name: str, codes: Array) -> Array:
        return dequantize(self.program, name, codes) if name in self._meant else codes

    def conclude(
        self, parts: Sequence[Records], statistics: Sequence[Statistics] = (), names: Names | None = None
    ) -> Evaluation:
        """What all samples say together.

        Parameters
        ----------
        parts
            What was kept, in the order of the samples.
        """
        looked = [part["steps"] for part in parts if "steps" in part]
        steps = np.concatenate(looked) if looked else None
        shared = [name for name in parts[0] if name != "steps"]
        records = {name: np.concatenate([part[name] for part in parts]) for name in shared}
        measures = self.measure.conclude(records)
        powers_of = records.get("outputs")
        return Evaluation(
            images=len(records["samples"]),
            float_top1=measures.get("float", {}).get("top1"),
            integer_top1=measures.get("integer", {}).get("top1"),
            agreement=measures.get("agreement"),
            outputs={}
            if powers_of is None
            else {name: decibels(powers_of[:, index]) for index, name in enumerate(self._meant)},
            steps=() if steps is None else self._steps(steps),
            statistics=merge_statistics(statistics),
            task=self.task.kind,
            measures=measures,
            disagreements=self._disagreements(records, names),
            step_images=0 if steps is None else len(steps),
        )

    def _steps(self, found: Array) -> tuple[StepQuality, ...]:
        return tuple(
            StepQuality(step.name, step.output, decibels(found[:, i, [0, 1]]), decibels(found[:, i, [0, 2]]))
            for i, step in enumerate(self.noise.steps)
        )

    def _disagreements(self, records: Records, names: Names | None) -> tuple[Disagreement, ...]:
        labels = records.get("labels")
        return tuple(
            Disagreement(
                index,
                None if names is None else names(index),
                None if labels is None or labels[index] < 0 else int(labels[index]),
                real,
                integer,
            )
            for index, real, integer in self.measure.disagreements(records)
        )


def _guess(program: Program) -> TaskKind:
    makers = {step.output: step.kind for step in program.steps}
    inputs = {tensor.name: tensor.shape for tensor in program.inputs}
    outputs = {tensor.name: tensor.shape for tensor in program.outputs}
    return guess_task(inputs, outputs, index=makers.get(program.output_names[0]) == "argmax")


def check_match(network: Network, program: Program) -> None:
    """Refuse a program that cannot have been compiled from the network."""
    expected = tuple(tensor.name for tensor in network.inputs)
    if program.input_names != expected:
        found, allowed = ", ".join(program.input_names), ", ".join(expected)
        raise InputError("the program reads other inputs than the network", found=found, allowed=allowed)
    if len(expected) > 1:
        raise InputError("only programs of one input can be evaluated", found=", ".join(expected))
    for name in program.output_names:
        if name not in network.shapes:
            allowed = ", ".join(network.outputs)
            raise InputError("the network has no output like the program's", found=name, allowed=allowed)
    for name, tensor in program.tensors.items():
        allowed_shape = network.shapes.get(name, tensor.shape)
        if tensor.shape != allowed_shape:
            raise InputError(
                f"the program's tensor {name} has another shape than the network's",
                found=tensor.shape,
                allowed=str(allowed_shape),
            )


def program_inputs(network: Network, program: Program, batch: Array) -> Array:
    """Raw data as a program reads them: bytes by its byte table, everything else as real numbers."""
    (name,) = program.input_names
    if batch.dtype == np.uint8 and name in program.real.byte_tables:
        return batch
    real: Array = reference.real_inputs(network, batch)[name]
    return real
