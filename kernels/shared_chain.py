"""A chain that several threads run together: each call in pieces, whoever is free takes the next.

No thread waits for one that has not begun: a piece is taken by an atomic exchange, a call is over when all
its pieces are counted, and the caller alone comes to the end if nobody helps. Threads begin with their own
share of a call, so that from one step to the next they mostly read what they wrote themselves.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from npusim.kernels.chain import Chain, call_head, range_of
from npusim.kernels.direct.protocol import Call
from npusim.kernels.emit.atomics import breathe, count_up, exchange, give_way, read
from npusim.kernels.jit import kernel, part, readonly
from npusim.kernels.ops import Words

_PIECES = 2
"""Pieces of a call for each thread: one that is held up leaves half of its share to others."""

_SPINS = 1 << 10
"""Looks at a counter before other threads are let run: some microseconds."""

_PLACE, _COUNT, _FIRST_CUT = range(3)
"""The entries of a call's pieces: the word of its frame, how many there are; then where each begins."""

_DONE, _TAKEN = range(2)
"""The entries of a call's marks: pieces done; then a mark for each piece that is taken."""


class SharedChain:
    """Calls in a row for several threads.

    Parameters
    ----------
    calls
        Of each thread: the same, but for their scratch memory.
    """

    def __init__(self, calls: Sequence[Sequence[Call]]) -> None:
        self._chains = [Chain(own) for own in calls]
        most = _PIECES * len(calls)
        self._pieces = readonly([_pieces(call, most) for call in calls[0]], np.int64)
        self._marks = np.zeros((len(calls[0]), _TAKEN + most), np.int64)
        self._give_way = _address_of_yield()

    def begin(self) -> None:
        """Before the threads' `run`."""
        self._marks[...] = 0

    def run(self, thread: int) -> None:
        """A thread's part; when the first one's is over, all is done."""
        threads = len(self._chains)
        _run(self._chains[thread].heads, self._pieces, self._marks, thread, threads, self._give_way)


def _pieces(call: Call, most: int) -> list[int]:
    """A call's pieces as the kernel reads them."""
    found = range_of(call)
    if found is None:
        return [0, 1, *[0] * (most + 1)]
    grains = -(-(found.last - found.first) // found.grain)
    count = max(1, min(most, grains))
    cuts = [min(found.first + grains * i // count * found.grain, found.last) for i in range(count + 1)]
    return [found.place, count, *cuts, *[0] * (most - count)]


def _address_of_yield() -> int:
    """The operating system's function that lets other threads run; 0 where it has another name."""
    function: Any = getattr(ctypes.CDLL(None), "sched_yield", None) if hasattr(os, "sched_yield") else None
    return ctypes.cast(function, ctypes.c_void_p).value or 0 if function else 0


@part
def _wait(done: int, count: int, function: int) -> None:
    looks = 0
    while read(done) < count:
        breathe()
        looks += 1
        if looks > _SPINS:
            give_way(function)


@kernel(signatures=1)
def _run(heads: Words, pieces: Words, marks: Words, thread: int, threads: int, function: int) -> None:
    """One thread's part of all calls.

    Parameters
    ----------
    heads
        Of the thread's own `Chain`.
    pieces, marks
        See above.
    function
        Of `give_way`.
    """
    for i in range(heads.shape[0]):
        count, done = pieces[i, _COUNT], marks.ctypes.data + 8 * i * marks.shape[1]
        own = count * thread // threads
        for turn in range(count):
            piece = (own + turn) % count
            if exchange(done + 8 * (_TAKEN + piece), 1) != 0:
                continue
            if count > 1:
                limits = heads[i, 2] + 8 * pieces[i, _PLACE]
                exchange(limits, pieces[i, _FIRST_CUT + piece])
                exchange(limits + 8, pieces[i, _FIRST_CUT + piece + 1])
            call_head(heads, i)
            count_up(done)
        _wait(done, count, function)
