"""A program's steps in a row over buffers that are used again: what runs when no tensor is recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor as Pool
from dataclasses import dataclass
from functools import cached_property
from math import prod

import numpy as np

from npusim.kernels.chain import Chain
from npusim.kernels.direct.protocol import Call, Chained, ChainedCounting, Direct
from npusim.kernels.records import LENGTH, clear, merged, of_nothing
from npusim.steps.base import Array, Executor, Step, TensorType
from npusim.steps.executors.counting import Counted
from npusim.steps.executors.workspace import Parts, Workspace, place
from npusim.steps.probe import Probe, StatisticsMode

_LEAST_SPLIT = 1 << 26
"""Multiply-accumulates and codes below which a step is not worth handing to other threads: half of them are
done in a few times the tenth of a millisecond that it takes another thread to wake up."""


@dataclass(frozen=True, eq=False)
class Work:
    """One step: its executor, its one-pass form if it has one, its size."""

    executor: Executor
    direct: Direct | None
    inputs: tuple[str, ...]
    output: str
    size: int

    @cached_property
    def counted(self) -> Counted | None:
        """Its one-pass form that counts events."""
        return self.executor.counted()


@dataclass(frozen=True)
class Helpers:
    """Who computes parts of large steps: a pool, and how many threads there are with the caller."""

    pool: Pool
    threads: int


class Seen:
    """What a run's images cause in each step.

    Attributes
    ----------
    records : int64[images, steps, records.LENGTH]
        Of steps that count in one pass.
    probes
        By image, then by step's number: of all others.
    """

    def __init__(self, images: int, steps: int) -> None:
        self.records = np.empty((images, steps, LENGTH), np.int64)
        self.probes: list[dict[int, Probe]] = [{} for _ in range(images)]


class Schedule:
    """The steps in order, and which buffer each tensor lives in.

    Parameters
    ----------
    steps
        In execution order.
    tensors
        Every tensor's type.
    inputs, outputs
        The program's.

    Attributes
    ----------
    work
        What is computed, in order.
    """

    def __init__(
        self,
        steps: Sequence[tuple[Step, Executor]],
        tensors: Mapping[str, TensorType],
        inputs: Sequence[str],
        outputs: Sequence[str],
    ) -> None:
        self._outputs = tuple(outputs)
        self._inputs = tuple(inputs)
        self.work = []
        for step, executor in steps:
            kinds = [tensors[name] for name in step.inputs]
            output = tensors[step.output]
            size = step.macs(kinds, output) + prod(output.shape)
            self.work.append(Work(executor, executor.direct(), step.inputs, step.output, size))
        self._uses = [(work.inputs, work.output) for work in self.work]
        self._slots, self._sizes = place(self._uses, tensors, inputs, outputs)
        self._scratch_bytes = max((w.direct.scratch_bytes for w in self.work if w.direct), default=0)

    def workspace(self) -> Workspace:
        """Fresh buffers."""
        return Workspace(self._slots, self._sizes, self._uses, self._scratch_bytes)

    def run(
        self,
        codes: Mapping[str, Array],
        out: Mapping[str, Array],
        space: Workspace,
        helpers: Helpers | None = None,
    ) -> None:
        """One image.

        Parameters
        ----------
        codes
            The inputs' codes.
        out
            Where the outputs are written.
        helpers
            Who else computes; None: the caller alone.
        """
        self._read(codes, space)
        if helpers is None or not self._splits(helpers):
            if space.parts is None:
                space.parts = _parts(self._calls(space))
            for part in space.parts:
                if isinstance(part, Chain):
                    part.run()
                else:
                    self.compute(part, space)
        else:
            for index in range(len(self.work)):
                self.compute(index, space, helpers)
        self._write(out, space)

    def _splits(self, helpers: Helpers) -> bool:
        """Whether any step is worth handing to other threads."""
        return any(w.direct and _worth_splitting(w, w.direct.units, helpers) for w in self.work)

    def _calls(self, space: Workspace) -> Iterator[list[Call] | None]:
        """Each step's calls; None if it has other work."""
        for work, (inputs, out) in zip(self.work, space.calls, strict=True):
            direct = work.direct
            yield direct.calls(inputs, out, space.scratch(0)) if isinstance(direct, Chained) else None

    def _counting_calls(self, space: Workspace) -> Iterator[list[Call] | None]:
        """As `_calls`; events are added to the workspace's records."""
        for work, (inputs, out), record in zip(self.work, space.calls, space.records, strict=True):
            direct = None if work.counted is None else work.counted.direct
            if isinstance(direct, ChainedCounting):
                yield direct.calls(inputs, out, space.scratch(0), record)
            else:
                yield None

    def count(
        self,
        codes: Mapping[str, Array],
        out: Mapping[str, Array],
        space: Workspace,
        seen: Seen,
        image: int,
        helpers: Helpers | None = None,
    ) -> None:
        """As `run`; adds the events of an image to what was seen."""
        self._read(codes, space)
        clear(space.records)
        parts: Sequence[Chain | int] = range(len(self.work))
        if helpers is None or not self._splits(helpers):
            if space.counting_parts is None:
                space.counting_parts = _parts(self._counting_calls(space))
            parts, helpers = space.counting_parts, None
        for part in parts:
            if isinstance(part, Chain):
                part.run()
            elif self.work[part].counted is None:
                probe = seen.probes[image][part] = Probe(image, StatisticsMode.EVENTS)
                self._execute(self.work[part], space, probe)
            else:
                self._compute_counting(part, space, helpers)
        seen.records[image] = space.records
        self._write(out, space)

    def compute(self, index: int, space: Workspace, helpers: Helpers | None = None) -> None:
        """One step, from its inputs in the workspace to its output there."""
        work = self.work[index]
        direct = work.direct
        if direct is None:
            self._execute(work, space, Probe())
            return
        inputs, out = space.calls[index]
        if helpers is None or not _worth_splitting(work, direct.units, helpers):
            direct.run(inputs, out, space.scratch(0), 0, direct.units)
            return

        def share(part: int, first: int, last: int) -> None:
            direct.run(inputs, out, space.scratch(part), first, last)

        _split(share, direct.units, helpers)

    def _compute_counting(self, index: int, space: Workspace, helpers: Helpers | None) -> None:
        work, record = self.work[index], space.records[index]
        assert work.counted is not None
        direct = work.counted.direct
        inputs, out = space.calls[index]
        if helpers is None or not _worth_splitting(work, direct.units, helpers):
            direct.run(inputs, out, space.scratch(0), 0, direct.units, record)
            return
        parts = of_nothing(helpers.threads)

        def share(part: int, first: int, last: int) -> None:
            direct.run(inputs, out, space.scratch(part), first, last, parts[part])

        _split(share, direct.units, helpers)
        record[...] = merged(parts)

    def _execute(self, work: Work, space: Workspace, probe: Probe) -> None:
        values = [space.tensors[name] for name in work.inputs]
        space.tensors[work.output][...] = work.executor.run(values, probe)

    def _read(self, codes: Mapping[str, Array], space: Workspace) -> None:
        for name in self._inputs:
            np.copyto(space.tensors[name], codes[name])

    def _write(self, out: Mapping[str, Array], space: Workspace) -> None:
        for name in self._outputs:
            np.copyto(out[name], space.tensors[name])


def _parts(steps: Iterable[list[Call] | None]) -> Parts:
    """Neighbours' calls in one; steps with other work stay numbers."""
    parts: Parts = []
    together: list[Call] = []
    for index, calls in enumerate(steps):
        if calls is not None:
            together += calls
            continue
        parts += [Chain(together), index] if together else [index]
        together = []
    return [*parts, Chain(together)] if together else parts


def _worth_splitting(work: Work, units: int, helpers: Helpers) -> bool:
    return work.size >= _LEAST_SPLIT and units >= 2 * helpers.threads


def _split(share: Callable[[int, int, int], None], units: int, helpers: Helpers) -> None:
    """All units, one part by the caller, the others by the pool."""
    threads = helpers.threads
    cuts = [units * part // threads for part in range(threads + 1)]
    waiting = [helpers.pool.submit(share, part, cuts[part], cuts[part + 1]) for part in range(1, threads)]
    try:
        share(0, 0, cuts[1])
    finally:
        for other in waiting:
            other.result()
