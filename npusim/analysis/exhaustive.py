"""Every accumulator through the shipped kernel, against thresholds that the spec alone found."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from npusim.analysis.monotone import directions
from npusim.analysis.rescale import Rescale
from npusim.errors import InputError
from npusim.kernels.rescale import rescale as shipped
from npusim.spec.interval import Interval

_CHUNK = 1 << 20


@dataclass(frozen=True)
class ExhaustiveResult:
    """What was run, and the first accumulator on which the kernel is wrong, if any."""

    accumulators: int
    first_wrong: int | None


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


def check_kernel(
    rescale: Rescale, channel: int, domain: Interval, dtype: np.dtype[np.generic]
) -> ExhaustiveResult:
    """Run the shipped kernel on every accumulator of a domain, as the simulator runs it.

    Raises
    ------
    InputError
        If the pipeline is not known to be monotone: then its thresholds do not say it all.
    """
    alone = rescale.columns(np.array([channel]))
    if directions(alone, domain)[0] != 1:
        raise InputError("the pipeline is not known to be nondecreasing", found=f"channel {channel}")
    edges = spec_thresholds(alone, 0, domain)
    starts = [domain.low, *edges.values(), domain.high + 1]
    codes = [alone.spec(domain.low, 0), *edges]
    word = np.int32 if domain.within(Interval(-(1 << 31), (1 << 31) - 1)) else np.int64
    for start in range(domain.low, domain.high + 1, _CHUNK):
        stop = min(start + _CHUNK, domain.high + 1)
        values = np.arange(start, stop, dtype=np.int64).astype(word)[:, None]
        made = shipped(alone.plan, values, dtype)[:, 0]
        first = int(np.searchsorted(starts, start, side="right")) - 1
        while first < len(codes) and starts[first] < stop:
            part = made[max(starts[first], start) - start : min(starts[first + 1], stop) - start]
            if part.size and not (part.min() == codes[first] == part.max()):
                wrong = int(np.flatnonzero(part != codes[first])[0])
                return ExhaustiveResult(stop - domain.low, max(starts[first], start) + wrong)
            first += 1
    return ExhaustiveResult(domain.high - domain.low + 1, None)
