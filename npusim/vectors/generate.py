"""Runs the program and hands every word of a set to a sink, one layer of one image at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from npusim.program import Program
from npusim.steps.base import Array, Executor
from npusim.steps.probe import Probe
from npusim.vectors.plan import NETWORK_FOLDER, Plan, StepPlan
from npusim.vectors.stream import Stream
from npusim.vectors.words import Words

Progress = Callable[[int, int], None]
"""progress(done, total): steps of images."""


class Sink(Protocol):
    """Takes words: writes them, or compares them with what stands there."""

    def add(self, path: str, words: Words) -> None:
        """The next words (words, lanes) of a file."""
        ...


class Generator:
    """A plan made ready to run.

    Parameters
    ----------
    sink
        Gets each file's words in order; blocks of different files take turns.
    """

    def __init__(self, plan: Plan, sink: Sink, progress: Progress | None = None) -> None:
        self._plan, self._sink, self._progress = plan, sink, progress
        program = plan.program
        self._planned = {step.step.name: step for step in plan.steps}
        self._executors: list[Executor] = [
            step.prepare(program.input_types(step), program.tensors[step.output], program.datapath)
            for step in program.ordered_steps
        ]
        self._last_use = _last_uses(program)
        self._done = 0

    def constants(self) -> None:
        """Weights, biases, registers."""
        for planned in self._plan.steps:
            for stream, words in planned.layout.constants():
                self._sink.add(self._plan.path(planned.folder, stream), words)

    def images(self, batch: Iterable[Mapping[str, Array]]) -> None:
        """Stimulus and expected response of each image; `batch` gives input codes by name."""
        for image, codes in enumerate(batch):
            self._network(self._plan.network_inputs(), codes)
            tensors = dict(codes)
            for index in range(len(self._executors)):
                self._step(index, image, tensors)
            self._network(self._plan.network_outputs(), tensors)

    def _step(self, index: int, image: int, tensors: dict[str, Array]) -> None:
        step = self._plan.program.ordered_steps[index]
        planned = self._planned.get(step.name)
        probe = Probe(image, wanted=frozenset() if planned is None else planned.layout.taps)
        inputs = [tensors[name] for name in step.inputs]
        tensors[step.output] = self._executors[index].run(inputs, probe)
        if planned is not None:
            self._record(planned, inputs, tensors[step.output], probe)
        for name in self._last_use[index]:
            del tensors[name]
        self._done += 1
        if self._progress is not None:
            self._progress(self._done, len(self._executors) * self._plan.images)

    def _record(self, planned: StepPlan, inputs: list[Array], output: Array, probe: Probe) -> None:
        for stream, words in planned.layout.image(inputs, output, probe.taps):
            self._sink.add(self._plan.path(planned.folder, stream), words)

    def _network(self, streams: Mapping[str, Stream], tensors: Mapping[str, Array]) -> None:
        for name, stream in streams.items():
            for _, words in stream.blocks(tensors[name]):
                self._sink.add(self._plan.path(NETWORK_FOLDER, stream), words)


def _last_uses(program: Program) -> list[list[str]]:
    """For each step in order, the tensors that no later step reads; outputs of the program stay."""
    last = {step.output: index for index, step in enumerate(program.ordered_steps)}
    last |= {name: index for index, step in enumerate(program.ordered_steps) for name in step.inputs}
    dead: list[list[str]] = [[] for _ in program.ordered_steps]
    for name, index in last.items():
        if name not in program.output_names:
            dead[index].append(name)
    return dead
