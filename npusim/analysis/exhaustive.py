"""Every accumulator through the shipped kernel, against thresholds that the spec alone found."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from npusim.analysis.monotone import directions
from npusim.analysis.rescale import Rescale
from npusim.errors import InputError
from npusim.kernels.rescale import rescale as shipped
from npusim.spec.interval import Interval

_BLOCK = 1 << 17
"""Accumulators of one call: they and their codes stay in the second-level cache."""
_SEGMENT = 1 << 24
"""Accumulators that one thread takes at a time."""
_WORD = Interval(-(1 << 31), (1 << 31) - 1)


@dataclass(frozen=True)
class ExhaustiveResult:
    """What was run, and the first accumulator on which the kernel is wrong, if any."""

    accumulators: int
    first_wrong: int | None


@dataclass(frozen=True)
class ThresholdTable:
    """A nondecreasing pipeline on a range of accumulators, as the spec has it: all there is to it.

    Attributes
    ----------
    domain
        The accumulators.
    starts
        Ascending: where each code begins; the first is the domain's low end.
    codes
        The codes that begin there.
    """

    domain: Interval
    starts: tuple[int, ...]
    codes: tuple[int, ...]

    def first_wrong(self, start: int, made: npt.NDArray[np.generic]) -> int | None:
        """The first of the accumulators start, start + 1 ... whose code is another; None: all are right."""
        stop, at = start + made.size, bisect_right(self.starts, start) - 1
        while at < len(self.codes) and self.starts[at] < stop:
            first = max(self.starts[at], start)
            last = stop if at + 1 == len(self.codes) else min(self.starts[at + 1], stop)
            part = made[first - start : last - start]
            if not part.min() == self.codes[at] == part.max():
                return first + int(np.flatnonzero(part != self.codes[at])[0])
            at += 1
        return None


def spec_thresholds(rescale: Rescale, channel: int, domain: Interval) -> dict[int, int]:
    """The least accumulator of each code but the first, found by bisection with the spec alone.

    Examples
    --------
    >>> from npusim.spec.stages import Clamp
    >>> identity = Rescale((Clamp(low=-1, high=1),), {}, 1)
    >>> spec_thresholds(identity, 0, Interval(-9, 9))
    {0: 0, 1: 1}
    """
    found: dict[int, int] = {}
    least, most = rescale.spec(domain.low, channel), rescale.spec(domain.high, channel)
    start = domain.low
    for code in range(least + 1, most + 1):
        below, above = start - 1, domain.high
        while above - below > 1:
            middle = (below + above) // 2
            if rescale.spec(middle, channel) >= code:
                above = middle
            else:
                below = middle
        found[code] = start = above
    return found


def threshold_table(rescale: Rescale, channel: int, domain: Interval) -> ThresholdTable:
    """What the spec makes of every accumulator of a domain.

    Raises
    ------
    InputError
        If the pipeline is not known to be nondecreasing: then its thresholds do not say it all.
    """
    alone = rescale.columns(np.array([channel]))
    if directions(alone, domain)[0] != 1:
        raise InputError("the pipeline is not known to be nondecreasing", found=f"channel {channel}")
    first = {domain.low: alone.spec(domain.low, 0)}
    # Of codes that begin at the same accumulator only the greatest is made: the last one.
    last = first | {start: code for code, start in spec_thresholds(alone, 0, domain).items()}
    return ThresholdTable(domain, tuple(last), tuple(last.values()))


def check_kernel(
    rescale: Rescale,
    channel: int,
    domain: Interval,
    dtype: np.dtype[np.generic],
    threads: int | None = None,
) -> ExhaustiveResult:
    """Run the shipped kernel on every accumulator of a domain, as the simulator runs it.

    Parameters
    ----------
    threads
        None: one a processor.

    Raises
    ------
    InputError
        If the pipeline is not known to be monotone: then its thresholds do not say it all.
    """
    alone = rescale.columns(np.array([channel]))
    table = threshold_table(rescale, channel, domain)
    word = np.int32 if domain.within(_WORD) else np.int64
    plan = alone.plan

    def check(segment: int) -> int | None:
        first = np.arange(_BLOCK, dtype=word)[:, None]
        values = np.empty_like(first)
        for start, size in _blocks(segment, min(segment + _SEGMENT, domain.high + 1)):
            np.add(first, word(start), out=values)
            wrong = table.first_wrong(start, shipped(plan, values[:size], dtype)[:, 0])
            if wrong is not None:
                return wrong
        return None

    with ThreadPoolExecutor(threads or os.cpu_count()) as pool:
        for wrong in pool.map(check, range(domain.low, domain.high + 1, _SEGMENT)):
            if wrong is not None:
                return ExhaustiveResult(wrong - domain.low + 1, wrong)
    return ExhaustiveResult(domain.high - domain.low + 1, None)


def _blocks(start: int, stop: int) -> Iterator[tuple[int, int]]:
    """(first accumulator, how many)."""
    for block in range(start, stop, _BLOCK):
        yield block, min(_BLOCK, stop - block)
