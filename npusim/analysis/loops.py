"""Two pipelines of which one is not monotone: compared between wraps, or value by value."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from npusim.analysis.budget import Budget
from npusim.analysis.by_thresholds import by_thresholds
from npusim.analysis.comparison import METHODS, PROBE_CODES, PROBES, Check, Found, Method, Unit, distance
from npusim.analysis.periods import period, repeated
from npusim.analysis.pieces import Pieces, estimate, pieces
from npusim.analysis.rescale import Words
from npusim.analysis.thresholds import unique_rows

_CHUNK = 1 << 16
_GROUP = 1 << 6
"""Chunks between two looks at the clock."""
_PIECES = 1 << 11
"""Pieces compared side by side."""
_PER_PIECE = 1 << 13
_One = tuple[int, int, Words, int]
"""How many values differ, the one nearest to zero, probes, at how many values the spec was asked."""


def looped(unit: Unit, check: Check, budget: Budget) -> Found:
    """Compare channels one by one while there is time; each different one once."""
    first, inverse = unique_rows(
        unit.left.field_matrix(), unit.right.field_matrix(), np.stack([unit.low, unit.high], axis=1)
    )
    count = len(first)
    differing, witness, method = (np.zeros(count, np.int64) for _ in range(3))
    probes = np.repeat(unit.low[first][None], PROBES, axis=0)
    confirmed = 0
    alone = [unit.columns(first[[row]]) for row in range(count)]
    costs = [_cost(one) for one in alone]
    # The quick ones first, should the time not suffice for all.
    for done, row in enumerate(np.argsort(costs, kind="stable").tolist()):
        budget.progress(done, count)
        used, one = _decide(alone[row], check, budget)
        method[row] = METHODS.index(used)
        if one is not None:
            differing[row], witness[row], probes[:, row] = one[:3]
            confirmed += one[3]
    return Found(differing[inverse], witness[inverse], probes[:, inverse], confirmed, method[inverse])


def _decide(unit: Unit, check: Check, budget: Budget) -> tuple[Method, _One | None]:
    """One channel, by the quickest method that applies."""
    if budget.spent:
        return Method.UNDECIDED, None
    length = period(unit)
    if length is not None:
        return Method.PERIOD, _one_period(unit, length)
    split = pieces(unit)
    one = _every_value(unit, budget) if split is None else _between_wraps(unit, split, check, budget)
    if one is None:
        return Method.UNDECIDED, None
    return (Method.LOOPED if split is None else Method.PIECES), one


def _cost(unit: Unit) -> int:
    """About how many values are looked at for one channel."""
    return min(period(unit) or _PER_PIECE * estimate(unit), int(unit.high[0] - unit.low[0]))


def _one_period(unit: Unit, length: int) -> _One:
    found = repeated(unit, length)
    spread = np.linspace(int(unit.low[0]), int(unit.low[0]) + length - 1, PROBES).astype(np.int64)
    probes = np.concatenate([spread, found.wrong])
    return found.differing, found.witness, _some(np.sort(probes), PROBES), 0


def _between_wraps(unit: Unit, split: Pieces, check: Check, budget: Budget) -> _One | None:
    """One channel, piece by piece."""
    total = confirmed = 0
    nearest: list[int] = []
    probes = []
    for start in range(0, len(split.low), _PIECES):
        if budget.spent:
            return None
        low, high = split.low[start : start + _PIECES], split.high[start : start + _PIECES]
        left, right = (side.columns(np.zeros(len(low), np.intp)) for side in (unit.left, unit.right))
        asked = Check.KERNELS if start else check  # the spec takes its time: so many pieces will do
        way = np.full(len(low), split.way, np.int8)
        found = by_thresholds(Unit(unit.name, unit.pipeline, left, right, low, high), way, asked, apart=True)
        own = found.witness[found.differing > 0]
        if own.size:
            nearest.append(int(own[distance(own).argmin()]))
        total += int(found.differing.sum())
        confirmed += found.confirmed
        probes.append(found.probes.reshape(-1))
    witness = min(nearest, key=lambda value: 2 * abs(value) - (value > 0), default=0)
    return total, witness, _some(np.concatenate(probes), PROBES), confirmed


def _some(values: Words, count: int) -> Words:
    chosen: Words = values[np.linspace(0, len(values) - 1, count).astype(np.int64)]
    return chosen


def _every_value(unit: Unit, budget: Budget) -> _One | None:
    """One channel, value by value, in chunks."""
    low, high = int(unit.low[0]), int(unit.high[0])
    sides = unit.left, unit.right
    for side in sides:
        _ = side.plan

    def differing(start: int) -> Words:
        values = np.arange(start, min(start + _CHUNK, high + 1), dtype=np.int64)[:, None]
        first, second = (side.run(values) for side in sides)
        wrong: Words = values[first != second]
        if not wrong.size:
            return wrong
        return np.array([wrong.size, wrong[distance(wrong).argmin()], wrong[0], wrong[-1]])

    chunks: list[Words] = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for start in range(low, high + 1, _CHUNK * _GROUP):
            if budget.spent:
                return None
            group = range(start, min(start + _CHUNK * _GROUP, high + 1), _CHUNK)
            chunks += [found for found in pool.map(differing, group) if found.size]
    spread = np.linspace(low, high, 2 * PROBE_CODES).astype(np.int64).clip(low, high)
    if not chunks:
        return 0, 0, np.resize(spread, PROBES), 0
    table = np.stack(chunks)
    nearest = int(table[distance(table[:, 1]).argmin(), 1])
    some = table[np.linspace(0, len(table) - 1, PROBE_CODES).astype(np.int64), 2:].reshape(-1)
    return int(table[:, 0].sum()), nearest, np.concatenate([spread, some]), 0
