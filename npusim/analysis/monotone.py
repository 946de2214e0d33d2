"""When a pipeline is known by its thresholds alone.

Lemma. Let every stage of a pipeline be a nondecreasing function of its value, for given fields. Then
so is the pipeline, and on any range of accumulators it is its thresholds: for each code c the least
accumulator whose result is at least c. Two such pipelines agree everywhere if and only if their
thresholds do, and they differ exactly on the accumulators between differing thresholds.

Every primitive is nondecreasing, but for these:

- `multiply` is for a factor of zero or more; for a negative one it turns the order round;
- `select_negative` is if neither factor is negative: below zero it stays at or below 0, above it at
  or above; with both at or below zero it turns the order round; with opposite signs it does neither;
- `wrap`, as a stage or as a register's rule, is where nothing wraps, which the interval that enters proves;
- `table` is if its entries do not decrease (or increase); a straight line between entries, and A1's
  rounding of it, keep the order;
- `float32` and `float64` multiply: conversion and product are correctly rounded, which keeps the
  order, so the sign of the scale decides.

`shift_right` keeps the order under every rule of A1: each maps v to an integer r(v / 2**n) with r
nondecreasing, since the increment is 0 or 1 and, within one quotient, depends on the remainder and sign
in a nondecreasing way, reaching at most the next quotient. The same holds for `divide` and `significant`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from npusim.analysis.code_ranges import field_ranges
from npusim.analysis.rescale import Rescale, Words
from npusim.spec.interval import Interval
from npusim.spec.stages import (
    Add,
    BaseStage,
    Clamp,
    Divide,
    FloatStage,
    Multiply,
    Operand,
    Ranges,
    Saturate,
    SelectNegative,
    ShiftLeft,
    ShiftRight,
    Significant,
    Table,
    Wrap,
    field_name,
)
from npusim.spec.width import Overflow, Width

Directions = npt.NDArray[np.int8]
"""Per channel: 1 nondecreasing, -1 nonincreasing, 0 neither is known."""

_NONDECREASING = (Add, Clamp, Divide, Saturate, ShiftLeft, ShiftRight, Significant, Wrap)
_MOST_GROUPS = 1 << 13


def directions(rescale: Rescale, entering: Interval) -> Directions:
    """Which way each channel of a pipeline goes, for values of `entering`."""
    found = np.ones(rescale.channels, np.int8)
    ranges = field_ranges(rescale.fields)
    value = entering
    for index, stage in enumerate(rescale.stages):
        register = wrapping(stage)
        if register is not None and not _before(stage, value, ranges).within(Interval.of(register)):
            return _by_group(rescale, entering, index)
        found = found * _direction(stage, rescale)
        value = stage.reach(value, ranges)
    return found


def slopes(rescale: Rescale) -> Directions:
    """Which way each channel goes wherever nothing wraps anew."""
    found = np.ones(rescale.channels, np.int8)
    for stage in rescale.stages:
        found = found * _direction(stage, rescale)
    return found


def wrapping(stage: BaseStage) -> Width | None:
    """The register that a stage wraps into."""
    if isinstance(stage, Wrap):
        return Width(stage.to, stage.to_signed)
    return stage.register if stage.overflow is Overflow.WRAP else None


def _before(stage: BaseStage, value: Interval, ranges: Ranges) -> Interval:
    """What is written into that register."""
    return value if isinstance(stage, Wrap) else stage.exact_reach(value, ranges)


def _by_group(rescale: Rescale, entering: Interval, index: int) -> Directions:
    """Some channels may wrap at stage `index`: look at those with equal fields so far by themselves."""
    fields = Rescale(rescale.stages[: index + 1], rescale.fields, rescale.channels).field_matrix()
    rows, groups = np.unique(fields, axis=0, return_inverse=True)
    found = np.zeros(rescale.channels, np.int8)
    if not 1 < len(rows) <= _MOST_GROUPS:
        return found
    for group in range(len(rows)):
        own = np.flatnonzero(groups.reshape(-1) == group)
        found[own] = directions(rescale.columns(own), entering)
    return found


def _direction(stage: BaseStage, rescale: Rescale) -> Directions:
    """What a stage does to the order where nothing wraps."""
    one = np.ones(rescale.channels, np.int8)
    match stage:
        case Multiply(by=by):
            return np.where(_values(rescale, by) >= 0, one, -one)
        case SelectNegative(positive=positive, negative=negative):
            return _select(_values(rescale, positive), _values(rescale, negative))
        case Table(table=table):
            return one * _table(np.asarray(rescale.fields[table], np.int64))
        case FloatStage(scale=scale):
            return np.where(_values(rescale, scale) >> 31 == 1, -one, one) if stage.scale_bits == 32 else one
    return one * int(isinstance(stage, _NONDECREASING))


def _select(positive: Words, negative: Words) -> Directions:
    up = (positive >= 0) & (negative >= 0)
    down = (positive <= 0) & (negative <= 0)
    return np.where(up, 1, np.where(down, -1, 0)).astype(np.int8)


def _table(entries: Words) -> int:
    steps = np.diff(entries)
    return 1 if (steps >= 0).all() else -1 if (steps <= 0).all() else 0


def _values(rescale: Rescale, operand: Operand) -> Words:
    name = field_name(operand)
    found = np.asarray(operand if name is None else rescale.fields[name], np.int64)
    values = np.broadcast_to(found, (rescale.channels,))
    return -values if isinstance(operand, str) and operand.startswith("-") else values
