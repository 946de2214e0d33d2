"""Where two rescales differ: exact counts and smallest witnesses, channel by channel."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from npusim.analysis.comparison import METHODS, Check, Difference, Method, Unit
from npusim.analysis.monotone import directions
from npusim.analysis.rescale import Rescale, Words
from npusim.analysis.thresholds import confirm, ends, thresholds, unique_rows
from npusim.spec.interval import Interval
from npusim.spec.stages import Add, Multiply

_SMALL = 1 << 12
"""Domains of so many values are enumerated side by side."""
_MAX_CODES = 1 << 16
_LOOP_CHUNK = 1 << 18
_PROBE_CODES = 24
_CHUNK_CHANNELS = 1 << 12


def compare(unit: Unit, check: Check = Check.SPEC) -> Difference:
    """Compare two rescales on every value of their domain."""
    channels = len(unit.low)
    differing, witness, used = (np.zeros(channels, np.int64) for _ in range(3))
    probes = np.repeat(unit.low[None], 4 * _PROBE_CODES + 1, axis=0)
    way = _ways(unit)
    small = unit.high - unit.low < _SMALL
    confirmed = 0
    for method, chosen in (
        (Method.ENUMERATED, np.flatnonzero(small)),
        (Method.THRESHOLDS, np.flatnonzero(~small & (way != 0))),
        (Method.LOOPED, np.flatnonzero(~small & (way == 0))),
    ):
        if not chosen.size:
            continue
        part = unit.columns(chosen)
        found = _BY_METHOD[method](part, way[chosen], check)
        differing[chosen], witness[chosen] = found.differing, found.witness
        used[chosen] = METHODS.index(method)
        probes[: len(found.probes), chosen] = found.probes
        confirmed += found.confirmed
    probes[-1] = witness.clip(unit.low, unit.high)
    return Difference(unit, differing, witness, used, probes, confirmed)


def affordable(unit: Unit) -> tuple[Unit | None, Unit | None]:
    """A unit's channels that are quickly compared, and those that take a loop over a large domain each."""
    looped = (_ways(unit) == 0) & (unit.high - unit.low >= _SMALL)
    parts = (np.flatnonzero(~looped), np.flatnonzero(looped))
    quick, slow = (unit.columns(part) if part.size else None for part in parts)
    return quick, slow


def _ways(unit: Unit) -> npt.NDArray[np.int8]:
    """Per channel 1 or -1 if both pipelines are known to go that way and make few codes; 0 otherwise."""
    entering = Interval(int(unit.low.min()), int(unit.high.max()))
    left, right = directions(unit.left, entering), directions(unit.right, entering)
    way = np.where(left == right, left, 0).astype(np.int8)
    made = np.stack([*ends(unit.left, unit.low, unit.high), *ends(unit.right, unit.low, unit.high)])
    return way if int(made.max()) - int(made.min()) < _MAX_CODES else 0 * way


@dataclass(frozen=True, eq=False)
class _Found:
    differing: Words
    witness: Words
    probes: Words
    confirmed: int = 0


def _enumerate(unit: Unit, way: npt.NDArray[np.int8], check: Check) -> _Found:
    channels = len(unit.low)
    span = int((unit.high - unit.low).max()) + 1
    differing, witness = np.zeros(channels, np.int64), np.zeros(channels, np.int64)
    probes = np.empty((4 * _PROBE_CODES, channels), np.int64)
    size = max(1, (1 << 20) // span)
    for start in range(0, channels, size):
        part = unit.columns(np.arange(start, min(start + size, channels)))
        values = part.low + np.arange(span)[:, None]
        inside = values <= part.high
        values = np.minimum(values, part.high)
        wrong = inside & (part.left.run(values) != part.right.run(values))
        columns = slice(start, start + size)
        differing[columns] = wrong.sum(axis=0)
        nearest = np.where(wrong, _distance(values), np.iinfo(np.int64).max).argmin(axis=0)
        witness[columns] = np.where(wrong.any(axis=0), np.take_along_axis(values, nearest[None], 0)[0], 0)
        probes[:, columns] = values[np.linspace(0, span - 1, len(probes)).astype(np.int64)]
    return _Found(differing, witness, probes)


def _distance(values: Words) -> Words:
    """Orders values by their distance from zero; of two as far, the positive one comes first."""
    return 2 * np.abs(values) - (values > 0)


def _by_thresholds(unit: Unit, way: npt.NDArray[np.int8], check: Check) -> _Found:
    left, right = (_upward(side, unit, way) for side in (unit.left, unit.right))
    first, inverse = unique_rows(left.field_matrix(), right.field_matrix())
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
    found = _Found(
        np.empty(channels, np.int64),
        np.empty(channels, np.int64),
        np.empty((4 * _PROBE_CODES, channels), np.int64),
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
    found: _Found,
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
    row = np.where(apart, _distance(nearest), np.iinfo(np.int64).max).argmin(axis=0)[None]
    best = np.take_along_axis(nearest, row, 0)[0]
    found.witness[chosen] = np.where(apart.any(axis=0), best, 0)
    rows = np.linspace(0, len(ours) - 1, _PROBE_CODES).astype(np.int64)
    around = [first[rows] - 1, first[rows], last[rows], last[rows] + 1]
    found.probes[:, chosen] = np.clip(np.concatenate(around), low, high)


def _loop(unit: Unit, way: npt.NDArray[np.int8], check: Check) -> _Found:
    ends_ = np.stack([unit.low, unit.high], axis=1)
    first, inverse = unique_rows(unit.left.field_matrix(), unit.right.field_matrix(), ends_)
    results = [_loop_one(unit.columns(np.array([column]))) for column in first]
    differing = np.array([count for count, _, _ in results], np.int64)
    witness = np.array([nearest for _, nearest, _ in results], np.int64)
    probes = np.stack([values for _, _, values in results], axis=1)
    return _Found(differing[inverse], witness[inverse], probes[:, inverse])


def _loop_one(unit: Unit) -> tuple[int, int, Words]:
    """Every value of one channel, in chunks."""
    low, high = int(unit.low[0]), int(unit.high[0])
    sides = unit.left, unit.right
    for side in sides:
        _ = side.plan

    def differing(start: int) -> Words:
        values = np.arange(start, min(start + _LOOP_CHUNK, high + 1), dtype=np.int64)[:, None]
        first, second = (side.run(values) for side in sides)
        wrong: Words = values[first != second]
        if not wrong.size:
            return wrong
        return np.array([wrong.size, wrong[_distance(wrong).argmin()], wrong[0], wrong[-1]])

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        chunks = [found for found in pool.map(differing, range(low, high + 1, _LOOP_CHUNK)) if found.size]
    spread = np.linspace(low, high, 2 * _PROBE_CODES).astype(np.int64).clip(low, high)
    if not chunks:
        return 0, 0, np.resize(spread, 4 * _PROBE_CODES)
    table = np.stack(chunks)
    nearest = int(table[_distance(table[:, 1]).argmin(), 1])
    some = table[np.linspace(0, len(table) - 1, _PROBE_CODES).astype(np.int64), 2:].reshape(-1)
    return int(table[:, 0].sum()), nearest, np.concatenate([spread, some])


_BY_METHOD = {Method.ENUMERATED: _enumerate, Method.THRESHOLDS: _by_thresholds, Method.LOOPED: _loop}
