"""Accumulator ranges of products of two computed matrices, where both operands vary."""

from __future__ import annotations

import numpy as np

from npusim.analysis.bounds import Bounds, End, Extreme, Moment
from npusim.datapath.model import Datapath
from npusim.spec.interval import Interval
from npusim.steps.matmul import MatmulStep


def matmul_bounds(
    step: MatmulStep, inputs: tuple[Interval, Interval], inner: int, datapath: Datapath
) -> Bounds:
    """The range of every accumulator; all columns have the same.

    Both ends are reached if the two inputs vary freely: not where one tensor is multiplied with itself.

    Parameters
    ----------
    inputs
        The codes of both inputs.
    inner
        Products an accumulator adds, in blocks of `lanes` (A6).
    """
    first, second = step.operand_ranges(inputs, datapath)
    one = first * second
    lanes = datapath.mac.lanes
    added = np.minimum(np.arange(lanes, inner + lanes, lanes), inner)
    ends = {}
    for end, product in ((End.LOW, one.low), (End.HIGH, one.high)):
        sums = np.concatenate([[0], added * product])
        farthest = int(sums.argmin() if end is End.LOW else sums.argmax())
        ends[Moment.PREFIX, end] = _extreme(int(sums[farthest]), farthest)
        ends[Moment.FINAL, end] = _extreme(int(sums[-1]), len(added))
    sizes = np.diff(added, prepend=0)
    beats = [int(size) * value for size in (sizes.min(), sizes.max()) for value in (one.low, one.high)]
    return Bounds(inputs[0].hull(inputs[1]), ends, Interval(min(beats), max(beats)))


def _extreme(value: int, beats: int) -> Extreme:
    return Extreme(np.array([value]), np.zeros(1, np.int64), np.array([beats]))
