"""Two monotone pipelines compared by their thresholds: exact counts and smallest witnesses."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from npusim.analysis.comparison import PROBE_CODES, PROBES, Check, Found, Unit, distance
from npusim.analysis.rescale import Rescale, Words
from npusim.analysis.thresholds import confirm, ends, thresholds, unique_rows
from npusim.spec.stages import Add, Multiply

_CHUNK_CHANNELS = 1 << 12


def by_thresholds(unit: Unit, way: npt.NDArray[np.int8], check: Check, *, apart: bool = False) -> Found:
    """Compare channels whose pipelines both go one way.

    Parameters
    ----------
    way : int8[channels]
        Which: 1 or -1.
    apart
        Whether columns with equal fields are to be looked at on their own domains, not on the hull
        of these, on which they may go no way at all.
    """
    left, right = (_upward(side, unit, way) for side in (unit.left, unit.right))
    key = [np.stack([unit.low, unit.high], axis=1)] if apart else []
    first, inverse = unique_rows(left.field_matrix(), right.field_matrix(), *key)
    low, high = unit.low[first].copy(), unit.high[first].copy()
    np.minimum.at(low, inverse, unit.low)
    np.maximum.at(high, inverse, unit.high)
    left, right = left.columns(first), right.columns(first)
    made = np.stack([*ends(left, low, high), *ends(right, low, high)])
    codes = range(int(made.min()), int(made.max()) + 1)
    theirs = thresholds(right, low, high, codes)
    ours = thresholds(left, low, high, codes, like=theirs)
    confirmed = (
        confirm(left, ours, low, high) + confirm(right, theirs, low, high) if check is Check.SPEC else 0
    )
    channels = len(unit.low)
    found = Found(
        np.empty(channels, np.int64),
        np.empty(channels, np.int64),
        np.empty((PROBES, channels), np.int64),
        confirmed,
    )
    for start in range(0, channels, _CHUNK_CHANNELS):
        chosen = slice(start, start + _CHUNK_CHANNELS)
        tables = ours.table[:, inverse[chosen]], theirs.table[:, inverse[chosen]]
        _between(*tables, unit.low[chosen], unit.high[chosen], way[chosen], found, chosen)
    return found


_MIRROR = "the mirror of npusim.analysis"


def _upward(rescale: Rescale, unit: Unit, way: npt.NDArray[np.int8]) -> Rescale:
    """Falling channels read their domain from its other end: low + high - value."""
    if (way > 0).all():
        return rescale
    sign, mirror = f"{_MIRROR}, sign", f"{_MIRROR}, sum"
    fields = {
        **rescale.fields,
        sign: way.astype(np.int64),
        mirror: np.where(way < 0, unit.low + unit.high, 0),
    }
    return Rescale((Multiply(by=sign), Add(operand=mirror), *rescale.stages), fields, rescale.channels)


def _between(
    ours: Words,
    theirs: Words,
    low: Words,
    high: Words,
    way: npt.NDArray[np.int8],
    found: Found,
    chosen: slice,
) -> None:
    """What lies between two threshold tables, on each channel's own domain."""
    ours, theirs = np.clip(ours, low, high + 1), np.clip(theirs, low, high + 1)
    edges = [np.concatenate([low[None], table, high[None] + 1]) for table in (ours, theirs)]
    shared = np.minimum(edges[0][1:], edges[1][1:]) - np.maximum(edges[0][:-1], edges[1][:-1])
    found.differing[chosen] = high - low + 1 - np.maximum(shared, 0).sum(axis=0)
    start, stop = np.minimum(ours, theirs), np.maximum(ours, theirs)
    mirror = low + high
    first = np.where(way > 0, start, mirror - stop + 1)
    last = np.where(way > 0, stop - 1, mirror - start)
    apart = start < stop
    nearest = np.where(first > 0, first, np.where(last < 0, last, 0))
    if not len(ours):
        found.witness[chosen], found.probes[:, chosen] = 0, low
        return
    row = np.where(apart, distance(nearest), np.iinfo(np.int64).max).argmin(axis=0)[None]
    best = np.take_along_axis(nearest, row, 0)[0]
    found.witness[chosen] = np.where(apart.any(axis=0), best, 0)
    rows = np.linspace(0, len(ours) - 1, PROBE_CODES).astype(np.int64)
    around = [first[rows] - 1, first[rows], last[rows], last[rows] + 1]
    found.probes[:, chosen] = np.clip(np.concatenate(around), low, high)
