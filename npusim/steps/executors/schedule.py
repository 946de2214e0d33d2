"""A program's steps in a row over buffers that are used again: what runs when no tensor is recorded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor as Pool
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from math import prod

import numpy as np

from npusim.kernels.chain import Chain
from npusim.kernels.direct.protocol import Call, Chained, ChainedCounting, Direct
from npusim.kernels.records import LENGTH, clear, merged, of_nothing
from npusim.kernels.shared_chain import SharedChain
from npusim.steps.base import Array, Executor, Step, TensorType
from npusim.steps.executors.counting import Counted
from npusim.steps.executors.workspace import Part, Workspace, place
from npusim.steps.probe import Probe, StatisticsMode

_LEAST_SPLIT = 1 << 26
"""Multiply-accumulates and codes below which a step is not worth handing to other threads: half of them are
done in a few times the tenth of a millisecond that it takes another thread to wake up."""

_LEAST_SHARED = 1 << 23
"""The same for a chain, which wakes the others once for all its steps."""


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
        for part in self._parts(space, helpers, StatisticsMode.OFF):
            if isinstance(part, int):
                self.compute(part, space, helpers)
            else:
                _run_chain(part, helpers)
        self._write(out, space)

    def _parts(self, space: Workspace, helpers: Helpers | None, mode: StatisticsMode) -> list[Part]:
        """Runs of steps that are a few calls each, and the numbers of the steps between them."""
        threads = 1 if helpers is None else helpers.threads
        made = space.parts.get((threads, mode))
        if made is None:
            made = space.parts[threads, mode] = []
            other = [self._calls(index, space, 0, mode) is None for index in range(len(self.work))]
            for numbers, group in groupby(range(len(self.work)), key=other.__getitem__):
                indices = list(group)
                made += indices if numbers else [self._chain(indices, space, threads, mode)]
        return made

    def _calls(self, index: int, space: Workspace, thread: int, mode: StatisticsMode) -> list[Call] | None:
        """A thread's calls for one step; None if it has other work."""
        work, (inputs, out), scratch = self.work[index], space.calls[index], space.scratch(thread)
        if mode is StatisticsMode.OFF:
            return work.direct.calls(inputs, out, scratch) if isinstance(work.direct, Chained) else None
        direct = None if work.counted is None else work.counted.direct
        if isinstance(direct, ChainedCounting):
            return direct.calls(inputs, out, scratch, space.records(thread)[index])
        return None

    def _chain(
        self, indices: Sequence[int], space: Workspace, threads: int, mode: StatisticsMode
    ) -> Chain | SharedChain:
        """Steps in a row, shared out where that is worth its while."""
        if sum(self.work[index].size for index in indices) < _LEAST_SHARED:
            threads = 1
        calls = [
            [call for index in indices for call in self._calls(index, space, thread, mode) or ()]
            for thread in range(threads)
        ]
        return Chain(calls[0]) if threads == 1 else SharedChain(calls)

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
        records = [space.records(thread) for thread in range(1 if helpers is None else helpers.threads)]
        for own in records:
            clear(own)
        for part in self._parts(space, helpers, StatisticsMode.EVENTS):
            if not isinstance(part, int):
                _run_chain(part, helpers)
            elif self.work[part].counted is None:
                probe = seen.probes[image][part] = Probe(image, StatisticsMode.EVENTS)
                self._execute(self.work[part], space, probe)
            else:
                self._compute_counting(part, space, helpers)
        seen.records[image] = records[0] if helpers is None else merged(np.stack(records))
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
        work, record = self.work[index], space.records(0)[index]
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


def _run_chain(chain: Chain | SharedChain, helpers: Helpers | None) -> None:
    """A chain by all its threads; those that come too late are not waited for."""
    if isinstance(chain, Chain):
        chain.run()
        return
    assert helpers is not None
    chain.begin()
    others = [helpers.pool.submit(chain.run, thread) for thread in range(1, helpers.threads)]
    try:
        chain.run(0)
    finally:
        for other in others:
            if not other.cancel():
                other.result()


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
