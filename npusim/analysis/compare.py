"""Where two rescales differ: exact counts and smallest witnesses, channel by channel."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from npusim.analysis.budget import Budget
from npusim.analysis.by_thresholds import by_thresholds
from npusim.analysis.comparison import METHODS, PROBES, Check, Difference, Found, Method, Unit, distance
from npusim.analysis.loops import looped
from npusim.analysis.monotone import directions
from npusim.analysis.thresholds import ends
from npusim.spec.interval import Interval

_SMALL = 1 << 12
"""Domains of so many values are enumerated side by side."""
_MAX_CODES = 1 << 16
_FOREVER = float("inf")


def compare(unit: Unit, check: Check = Check.SPEC, budget: Budget | None = None) -> Difference:
    """Compare two rescales on every value of their domain.

    Parameters
    ----------
    budget
        The time for channels that are not monotone; those it does not suffice for are said to be not
        decided. None: as long as it takes.
    """
    channels = len(unit.low)
    differing, witness = np.zeros(channels, np.int64), np.zeros(channels, np.int64)
    used = np.full(channels, METHODS.index(Method.SAME))
    probes = np.repeat(unit.low[None], PROBES + 1, axis=0)
    way = _ways(unit)
    same = unit.same
    small = unit.high - unit.low < _SMALL
    confirmed = 0
    for method, chosen in (
        (Method.ENUMERATED, np.flatnonzero(~same & small)),
        (Method.THRESHOLDS, np.flatnonzero(~same & ~small & (way != 0))),
        (Method.LOOPED, np.flatnonzero(~same & ~small & (way == 0))),
    ):
        if not chosen.size:
            continue
        found = _by_method(method, unit.columns(chosen), way[chosen], check, budget)
        differing[chosen], witness[chosen] = found.differing, found.witness
        used[chosen] = METHODS.index(method) if found.method is None else found.method
        probes[: len(found.probes), chosen] = found.probes
        confirmed += found.confirmed
    probes[-1] = witness.clip(unit.low, unit.high)
    return Difference(unit, differing, witness, used, probes, confirmed)


def _by_method(
    method: Method, unit: Unit, way: npt.NDArray[np.int8], check: Check, budget: Budget | None
) -> Found:
    match method:
        case Method.ENUMERATED:
            return _enumerate(unit)
        case Method.THRESHOLDS:
            return by_thresholds(unit, way, check)
        case _:
            return looped(unit, check, Budget(_FOREVER) if budget is None else budget)


def slow(unit: Unit) -> int:
    """How many channels are neither monotone nor small."""
    return int((~unit.same & (_ways(unit) == 0) & (unit.high - unit.low >= _SMALL)).sum())


def _ways(unit: Unit) -> npt.NDArray[np.int8]:
    """Per channel 1 or -1 if both pipelines are known to go that way and make few codes; 0 otherwise."""
    entering = Interval(int(unit.low.min()), int(unit.high.max()))
    left, right = directions(unit.left, entering), directions(unit.right, entering)
    way = np.where(left == right, left, 0).astype(np.int8)
    made = np.stack([*ends(unit.left, unit.low, unit.high), *ends(unit.right, unit.low, unit.high)])
    return way if int(made.max()) - int(made.min()) < _MAX_CODES else 0 * way


def _enumerate(unit: Unit) -> Found:
    channels = len(unit.low)
    span = int((unit.high - unit.low).max()) + 1
    differing, witness = np.zeros(channels, np.int64), np.zeros(channels, np.int64)
    probes = np.empty((PROBES, channels), np.int64)
    size = max(1, (1 << 20) // span)
    for start in range(0, channels, size):
        part = unit.columns(np.arange(start, min(start + size, channels)))
        values = part.low + np.arange(span)[:, None]
        inside = values <= part.high
        values = np.minimum(values, part.high)
        wrong = inside & (part.left.run(values) != part.right.run(values))
        columns = slice(start, start + size)
        differing[columns] = wrong.sum(axis=0)
        nearest = np.where(wrong, distance(values), np.iinfo(np.int64).max).argmin(axis=0)
        witness[columns] = np.where(wrong.any(axis=0), np.take_along_axis(values, nearest[None], 0)[0], 0)
        probes[:, columns] = values[np.linspace(0, span - 1, len(probes)).astype(np.int64)]
    return Found(differing, witness, probes)
