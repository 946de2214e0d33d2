"""Which of many accumulators show a situation of a rescale: by the kernels, many at a time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from npusim.analysis.rescale import Rescale, Words
from npusim.coverage.bins import At, Bin, Condition
from npusim.coverage.residues import Residues
from npusim.spec.interval import Interval
from npusim.spec.stages.base import value_of
from npusim.step_coverage.mac_unit import StepUnit

Mask = npt.NDArray[np.bool_]

_LISTED = 64
_WORD = 1 << 62


def shows(group: StepUnit, wanted: Bin, accumulators: Words) -> Mask | None:
    """For each accumulator, int64[n], whether it hits a bin; None: only the spec can say."""
    mask = np.zeros(len(accumulators), bool)
    for condition in wanted.conditions:
        found = _holds(group, condition, accumulators)
        if found is None:
            return None
        mask |= found
    return mask


def _holds(group: StepUnit, condition: Condition, accumulators: Words) -> Mask | None:
    held = group.held
    assert held is not None
    if condition.events or condition.without:
        return None
    for pin in condition.pins:
        if sum(value_of(operand, held) for operand in pin.operands) != pin.value:
            return np.zeros(len(accumulators), bool)
    if condition.target is None:
        return np.ones(len(accumulators), bool)
    stages = group.stages[: condition.stage]
    if condition.at is At.EXACT:
        stages = (*stages, replace(group.stages[condition.stage], bits=None, overflow=None))
    fields = {name: np.array(v) if isinstance(v, tuple) else v for name, v in held.items()}
    values = accumulators
    if stages and len(values):
        values = Rescale(stages, fields, 1).run(accumulators[:, None])[:, 0].astype(np.int64)
    minus = 0 if condition.minus is None else value_of(condition.minus, held)
    return members(values - minus, condition.target)


def members(values: Words, target: Residues) -> Mask:
    """Which of some words a set of residues has."""
    if not len(values):
        return np.zeros(0, bool)
    inside = target.within(Interval(int(values.min()), int(values.max())))
    if not inside:
        return np.zeros(len(values), bool)
    if inside.modulus >= _WORD or len(inside) <= _LISTED:
        found: Mask = np.isin(values, np.fromiter(inside, np.int64, len(inside)))
        return found
    of_class: Mask = (values - inside.residue % inside.modulus) % inside.modulus == 0
    return np.logical_and(of_class, (values >= inside.low) & (values <= inside.high))
