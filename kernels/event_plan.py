"""A4 without running the pipeline: which events a value will cause, told from the value alone.

For the common lists - multiply, one or two shifts, add, clamp - a shift loses bits where the value has any
below the shift less the factor's trailing zeros (a product ends in as many zeros as both its factors), and a
clamp acts beyond a threshold, because every stage before it is monotone. Rules of rounding do not matter
for that: what counts and what computes stay apart.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from npusim.kernels.events import KINDS, EventCounts
from npusim.kernels.fuse import rounding_constants, rule_of
from npusim.kernels.ops import CODE, COLUMN, FIRST_PARAMETER, Op, Words
from npusim.kernels.pipeline import run_stages
from npusim.kernels.plan import Plan
from npusim.spec.activation import ActivationBounds
from npusim.spec.events import Event

_ROOM = 1 << 62
_CLIPPING = (int(Op.CLAMP), int(Op.WRAP))

Kind = tuple[int, Event]
"""An event of one stage."""


@dataclass(frozen=True, eq=False)
class SecondShift:
    """The second shift loses bits of ``(value * factor + constant) >> first``, which fits int32.

    Attributes
    ----------
    factor, constant, first : int64[channels]
        The factor fits int32; the first shift is 32 at most.
    lost : int64[channels]
        How many bits are lost.
    """

    factor: Words
    constant: Words
    first: Words
    lost: Words


@dataclass(frozen=True, eq=False)
class EventPlan:
    """How events of a pipeline are told.

    Attributes
    ----------
    lost : int64[channels]
        How many of a value's lowest bits decide what the first shift loses, 32 at most.
    second
        What tells of a second shift.
    low, high : int64[channels]
        Values below, above are clamped.
    kinds
        What is counted, in the order of `records.Count`: below, above, rounded, tie; for two shifts
        rounded and tie of the second.
    """

    lost: Words
    second: SecondShift | None
    low: Words
    high: Words
    kinds: tuple[Kind, ...]


def event_plan(plan: Plan, reach: int) -> EventPlan | None:
    """How to tell a plan's events for values up to `reach` in magnitude; None if it is not a common list.

    Other clamps and wraps than the last are allowed where values within reach never meet them.
    """
    codes = [int(code) for code in plan.ops[:, CODE]]
    if not codes or codes[-1] != Op.CLAMP or not 0 <= reach < (1 << 31) - 1:
        return None
    last = len(codes) - 1
    kept = [index for index, code in enumerate(codes) if index == last or code not in _CLIPPING]
    listed = [codes[index] for index in kept]
    shifts = [index for index in kept if codes[index] == Op.SHIFT_RIGHT]
    factors = [index for index in kept if codes[index] == Op.MULTIPLY]
    adds = [int(Op.ADD)] * listed.count(Op.ADD)
    common = [int(Op.MULTIPLY)] * len(factors) + [int(Op.SHIFT_RIGHT)] * len(shifts) + adds + [int(Op.CLAMP)]
    if listed != common or len(shifts) not in {1, 2} or len(adds) > 1:
        return None
    if plan.stage_ops[-1] - plan.stage_ops[-2] != 1 or not _never_clips(plan, reach):
        return None
    return _told(plan, reach, shifts, factors, last)


def masks(lost: Words) -> tuple[Words, Words]:
    """So many lowest bits, and the last of them; where none is lost, a number that nothing masked equals."""
    bits = np.left_shift(1, lost) - 1
    return bits, np.maximum((bits + 1) >> 1, 1)


def _told(plan: Plan, reach: int, shifts: list[int], factors: list[int], clamp: int) -> EventPlan | None:
    factor = np.ones(plan.channels, np.int64)
    for index in factors:
        column = _columns(plan, index)[0]
        if column.min() < 0 or int(factor.max()) * int(column.max()) >= 1 << 31:
            return None
        factor = factor * column
    if reach * int(factor.max()) >= _ROOM:
        return None
    shift, second = _columns(plan, shifts[0])[0], None
    if len(shifts) == 2:
        second = _second(plan, shifts, factor, reach)
        if second is None:
            return None
    *bounds, activation = _columns(plan, clamp)[:3]
    if np.ptp(activation) or np.any(bounds[0] > bounds[1]):
        return None
    low, high = (_threshold(plan, reach, bound) for bound in (bounds[0], bounds[1] + 1))
    # A factor of 0 has as many trailing zeros as one likes.
    zeros = np.where(factor == 0, 64, np.bitwise_count((factor & -factor) - 1).astype(np.int64))
    lost = np.clip(shift - zeros, 0, 32)
    return EventPlan(lost, second, low, high - 1, _kinds(plan, shifts, int(activation[0])))


def _second(plan: Plan, shifts: list[int], factor: Words, reach: int) -> SecondShift | None:
    shift, lost = (_columns(plan, index)[0] for index in shifts)
    rule = rule_of(int(plan.ops[shifts[0], FIRST_PARAMETER]))
    _, constant, correction = rounding_constants(shift, rule)
    if np.any(correction) or shift.max() > 32 or lost.max() > 31:
        return None
    if (reach * int(factor.max()) >> int(shift.min())) + 1 >= 1 << 31:
        return None
    return SecondShift(factor, constant, shift, lost)


def _columns(plan: Plan, op: int) -> Words:
    first = int(plan.ops[op, COLUMN])
    columns: Words = plan.columns[first : first + 3]
    return columns


def _kinds(plan: Plan, shifts: list[int], activation: int) -> tuple[Kind, ...]:
    def stage(op: int) -> int:
        return int(np.searchsorted(plan.stage_ops, op, "right")) - 1

    clamp = len(plan.stages) - 1
    low = Event.ACTIVATION if activation & ActivationBounds.LOW else Event.SATURATED_LOW
    high = Event.ACTIVATION if activation & ActivationBounds.HIGH else Event.SATURATED_HIGH
    rounded = [(stage(op), event) for op in shifts for event in (Event.ROUNDED, Event.TIE)]
    return ((clamp, low), (clamp, high), *rounded)


def _before_clamp(plan: Plan) -> Callable[[Words], Words]:
    """int64[rows, channels] as the last stage meets them."""
    stages = range(len(plan.stages) - 1)
    return lambda values: run_stages(plan, values.copy(), stages)


def _never_clips(plan: Plan, reach: int) -> bool:
    """Whether no stage but the last clamps or wraps: monotone stages are asked at both ends."""
    ends = np.array([[-reach], [reach]], np.int64).repeat(plan.channels, axis=1)
    events = EventCounts(len(plan.stages))
    run_stages(plan, ends, range(len(plan.stages) - 1), events)
    clipped = [KINDS.index(kind) for kind in KINDS if kind not in {Event.ROUNDED, Event.TIE}]
    return not events.counts[:-1, clipped].any()


def _threshold(plan: Plan, reach: int, bound: Words) -> Words:
    """int64[channels]: the least value whose result reaches the bound; `reach` + 1 if none does."""
    result = _before_clamp(plan)
    low, high = np.full((1, plan.channels), -reach), np.full((1, plan.channels), reach + 1)
    while np.any(low < high):
        middle = (low + high) >> 1
        there = result(np.minimum(middle, reach)) >= bound
        reached = there | (middle > reach)
        low, high = np.where(reached, low, middle + 1), np.where(reached, middle, high)
        low = np.minimum(low, high)
    least: Words = low[0]
    return least
