"""Pipelines that begin by wrapping: their results repeat, so that one period says it all.

``(v << k) mod 2^b`` and ``(v * m) mod 2^b`` depend on v modulo ``2^b / gcd(2^b, 2^k)`` (or m) only, and
whatever comes behind depends on them alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd

import numpy as np

from npusim.analysis.comparison import Unit, distance
from npusim.analysis.monotone import wrapping
from npusim.analysis.rescale import Rescale, Words
from npusim.spec.stages import Add, BaseStage, Fields, Multiply, Operand, ShiftLeft, Wrap, field_name

MOST = 1 << 22
"""The longest period that is looked at value by value."""


def period(unit: Unit) -> int | None:
    """After how many values both pipelines of a unit of one channel repeat; None if they do not."""
    both = [_period(side) for side in (unit.left, unit.right)]
    if None in both:
        return None
    longest = max(one for one in both if one is not None)
    return longest if longest <= min(MOST, int(unit.high[0] - unit.low[0])) else None


def _period(rescale: Rescale) -> int | None:
    fields = rescale.channel(0)
    for stage in rescale.stages:
        register = wrapping(stage)
        if register is not None:
            factor = _factor(stage, fields)
            return None if factor is None else (1 << register.bits) // gcd(1 << register.bits, factor)
        if not isinstance(stage, Add) or stage.register is not None:
            return None
    return None


def _factor(stage: BaseStage, fields: Fields) -> int | None:
    """What a stage multiplies by before it wraps."""

    def value(operand: Operand) -> int:
        name = field_name(operand)
        found = operand if name is None else fields[name]
        assert isinstance(found, int)
        return found

    match stage:
        case ShiftLeft(by=by):
            return 1 << value(by)
        case Multiply(by=by):
            return value(by)
        case Wrap() | Add():
            return 1
    return None


@dataclass(frozen=True, eq=False)
class Repeated:
    """What one period shows of a whole domain: as `Difference` has it; `wrong` are some differing values."""

    differing: int
    witness: int
    wrong: Words


def repeated(unit: Unit, length: int) -> Repeated:
    """Compare one channel on one period."""
    low, high = int(unit.low[0]), int(unit.high[0])
    values = np.arange(low, low + length, dtype=np.int64)
    wrong = values[(unit.left.run(values[:, None]) != unit.right.run(values[:, None]))[:, 0]]
    times, rest = divmod(high - low + 1, length)
    differing = times * wrong.size + int((wrong < low + rest).sum())
    if not wrong.size:
        return Repeated(0, 0, wrong)
    near = wrong + -(wrong // length) * length  # 0 <= near < length
    both = np.concatenate([near, near - length])
    inside = both[(both >= low) & (both <= high)]
    candidates = inside if inside.size else wrong
    return Repeated(differing, int(candidates[distance(candidates).argmin()]), wrong)
