"""A program's steps in a row over buffers that are used again: what runs when nothing is recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor as Pool
from dataclasses import dataclass
from math import prod

import numpy as np

from npusim.kernels.direct.protocol import Bytes, Direct
from npusim.steps.base import Array, Executor, Step, TensorType
from npusim.steps.probe import Probe

_LEAST_SPLIT = 1 << 22
"""Multiply-accumulates and codes below which a step is not worth handing to other threads."""


@dataclass(frozen=True)
class _Slot:
    """A tensor's place: which buffer carries it."""

    buffer: int
    kind: TensorType

    @property
    def bytes(self) -> int:
        return prod(self.kind.shape) * self.kind.dtype.itemsize


@dataclass(frozen=True)
class Work:
    """One step: its executor, its one-pass form if it has one, its size."""

    executor: Executor
    direct: Direct | None
    inputs: tuple[str, ...]
    output: str
    size: int


class Workspace:
    """One image's buffers; one thread, or one image's threads, use it at a time."""

    def __init__(self, slots: Mapping[str, _Slot], sizes: Sequence[int], scratch_bytes: int) -> None:
        buffers = [np.empty(size, np.uint8) for size in sizes]
        self._scratch_bytes = scratch_bytes
        self.scratches = [np.empty(scratch_bytes, np.uint8)]
        self.bytes: dict[str, Bytes] = {}
        self.inputs: dict[str, Bytes] = {}
        self.tensors: dict[str, Array] = {}
        for name, slot in slots.items():
            own = buffers[slot.buffer][: slot.bytes]
            fixed = own.view()
            fixed.flags.writeable = False
            self.bytes[name], self.inputs[name] = own, fixed
            self.tensors[name] = own.view(slot.kind.dtype).reshape(slot.kind.shape)

    def scratch(self, thread: int) -> Bytes:
        """A thread's own scratch memory."""
        while len(self.scratches) <= thread:
            self.scratches.append(np.empty(self._scratch_bytes, np.uint8))
        return self.scratches[thread]


class Schedule:
    """The steps in order, and which buffer each tensor lives in.

    Buffers are planned by liveness: a tensor's buffer is free again after its last reader.

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
        self._slots, self._sizes = _place(self.work, tensors, inputs, outputs)
        self._scratch_bytes = max((w.direct.scratch_bytes for w in self.work if w.direct), default=0)

    def workspace(self) -> Workspace:
        """Fresh buffers."""
        return Workspace(self._slots, self._sizes, self._scratch_bytes)

    def run(
        self,
        codes: Mapping[str, Array],
        out: Mapping[str, Array],
        space: Workspace,
        pool: Pool | None,
        threads: int,
    ) -> None:
        """One image.

        Parameters
        ----------
        codes
            The inputs' codes.
        out
            Where the outputs are written.
        pool, threads
            Who computes parts of large steps, and how many there are with the caller; None, 1: the
            caller alone.
        """
        for name in self._inputs:
            space.tensors[name][...] = codes[name]
        for work in self.work:
            self.compute(work, space, pool, threads)
        for name in self._outputs:
            out[name][...] = space.tensors[name]

    def compute(self, work: Work, space: Workspace, pool: Pool | None = None, threads: int = 1) -> None:
        """One step, from its inputs in the workspace to its output there."""
        if work.direct is None:
            values = [space.tensors[name] for name in work.inputs]
            space.tensors[work.output][...] = work.executor.run(values, Probe())
        else:
            inputs = [space.inputs[name] for name in work.inputs]
            _spread(work.direct, work.size, inputs, space.bytes[work.output], space, pool, threads)


def _spread(
    direct: Direct,
    size: int,
    inputs: Sequence[Bytes],
    out: Bytes,
    space: Workspace,
    pool: Pool | None,
    threads: int,
) -> None:
    """All units of a step: by the caller, or shared with the pool if that is worth it."""
    units = direct.units
    if pool is None or size < _LEAST_SPLIT or units < 2 * threads:
        direct.run(inputs, out, space.scratch(0), 0, units)
        return
    cuts = [units * part // threads for part in range(threads + 1)]
    waiting = [
        pool.submit(direct.run, inputs, out, space.scratch(part), cuts[part], cuts[part + 1])
        for part in range(1, threads)
    ]
    direct.run(inputs, out, space.scratch(0), 0, cuts[1])
    for other in waiting:
        other.result()


def _place(
    steps: Sequence[Work], tensors: Mapping[str, TensorType], inputs: Sequence[str], outputs: Sequence[str]
) -> tuple[dict[str, _Slot], list[int]]:
    """Each tensor's buffer, and the buffers' sizes."""
    last = {name: index for index, work in enumerate(steps) for name in work.inputs}
    slots: dict[str, _Slot] = {}
    sizes: list[int] = []
    free: list[int] = []

    def take(name: str) -> None:
        kind = tensors[name]
        needed = prod(kind.shape) * kind.dtype.itemsize
        # The buffer whose size fits best; it grows if it must.
        best = min(free, key=lambda buffer: abs(sizes[buffer] - needed), default=None)
        if best is None:
            best = len(sizes)
            sizes.append(0)
        else:
            free.remove(best)
        sizes[best] = max(sizes[best], needed)
        slots[name] = _Slot(best, kind)

    for name in inputs:
        take(name)
    for index, work in enumerate(steps):
        take(work.output)
        touched = dict.fromkeys((*work.inputs, work.output))
        done = [name for name in touched if last.get(name, index) == index and name not in outputs]
        free.extend(slots[name].buffer for name in done)
    return slots, sizes
