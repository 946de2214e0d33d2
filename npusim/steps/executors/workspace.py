"""Where a program's tensors live while it runs: buffers that are used again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from npusim.kernels.chain import Chain
from npusim.kernels.direct.protocol import Bytes
from npusim.kernels.ops import Words
from npusim.kernels.records import of_nothing
from npusim.kernels.shared_chain import SharedChain
from npusim.steps.base import Array, TensorType
from npusim.steps.probe import StatisticsMode

Use = tuple[tuple[str, ...], str]
"""The tensors a step reads, and the one it makes."""

Part = Chain | SharedChain | int
"""Steps in one call, by one thread or several, or a step's number."""


_LINE = 64


@dataclass(frozen=True)
class Slot:
    """A tensor's place: which buffer carries it."""

    buffer: int
    kind: TensorType

    @property
    def bytes(self) -> int:
        """Its size."""
        return size_of(self.kind)


def size_of(kind: TensorType) -> int:
    """Bytes of a tensor."""
    return prod(kind.shape) * kind.dtype.itemsize


def _memory(size: int) -> Bytes:
    """Bytes that begin where a cache line does: vectors of whole lines then cross none."""
    room = np.empty(size + _LINE, np.uint8)
    start = -room.ctypes.data % _LINE
    return room[start : start + size]


class Workspace:
    """One image's buffers; one thread, or one image's threads, use it at a time.

    Attributes
    ----------
    tensors
        By name.
    calls
        For each step the flat bytes it reads and writes.
    parts
        By the number of threads, and whether events are counted: what runs in one call, and the numbers of
        the steps between.
    """

    def __init__(
        self, slots: Mapping[str, Slot], sizes: Sequence[int], uses: Sequence[Use], scratch_bytes: int
    ) -> None:
        self._buffers = [_memory(size) for size in sizes]
        self._scratch_bytes = scratch_bytes
        self._scratches = [_memory(scratch_bytes)]
        self.tensors: dict[str, Array] = {}
        self._records = [of_nothing(len(uses))]
        self.parts: dict[tuple[int, StatisticsMode], list[Part]] = {}
        fixed: dict[str, Bytes] = {}
        written: dict[str, Bytes] = {}
        for name, slot in slots.items():
            own = written[name] = self._buffers[slot.buffer][: slot.bytes]
            fixed[name] = own.view()
            fixed[name].flags.writeable = False
            self.tensors[name] = own.view(slot.kind.dtype).reshape(slot.kind.shape)
        self.calls = [([fixed[name] for name in inputs], written[output]) for inputs, output in uses]

    @property
    def nbytes(self) -> int:
        """Memory of tensors and scratch."""
        return sum(array.nbytes for array in (*self._buffers, *self._scratches))

    def scratch(self, thread: int) -> Bytes:
        """A thread's own scratch memory."""
        while len(self._scratches) <= thread:
            self._scratches.append(_memory(self._scratch_bytes))
        return self._scratches[thread]

    def records(self, thread: int) -> Words:
        """int64[steps, records.LENGTH]: where a thread counts an image's events, always at the same place."""
        while len(self._records) <= thread:
            self._records.append(of_nothing(len(self.calls)))
        return self._records[thread]


def place(
    uses: Sequence[Use], tensors: Mapping[str, TensorType], inputs: Sequence[str], outputs: Sequence[str]
) -> tuple[dict[str, Slot], list[int]]:
    """Each tensor's buffer, and the buffers' sizes.

    Buffers are planned by liveness: a tensor's buffer is free again after its last reader.
    """
    last = {name: index for index, (read, _) in enumerate(uses) for name in read}
    slots: dict[str, Slot] = {}
    sizes: list[int] = []
    free: list[int] = []

    def take(name: str) -> None:
        needed = size_of(tensors[name])
        # The buffer whose size fits best; it grows if it must.
        best = min(free, key=lambda buffer: abs(sizes[buffer] - needed), default=None)
        if best is None:
            best = len(sizes)
            sizes.append(0)
        else:
            free.remove(best)
        sizes[best] = max(sizes[best], needed)
        slots[name] = Slot(best, tensors[name])

    for name in inputs:
        take(name)
    for index, (read, made) in enumerate(uses):
        take(made)
        touched = dict.fromkeys((*read, made))
        done = [name for name in touched if last.get(name, index) == index and name not in outputs]
        free.extend(slots[name].buffer for name in done)
    return slots, sizes
