"""Register values that stand for a datapath's field space: corners, every shift, some in between."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from math import prod
from typing import Any

import numpy as np

from npusim.analysis.comparison import Unit
from npusim.analysis.rescale import Rescale
from npusim.analysis.scales import filled_alike, same_reals
from npusim.datapath.checks import derive_pipeline
from npusim.datapath.model import Datapath
from npusim.datapath.operations import PIPELINES, PipelineRole
from npusim.errors import InputError
from npusim.spec.interval import Interval
from npusim.spec.stages import (
    Add,
    BaseStage,
    Clamp,
    Divide,
    Float32,
    Float64,
    Multiply,
    SelectNegative,
    ShiftLeft,
    ShiftRight,
    Significant,
    Table,
    field_name,
)
from npusim.steps.fields import needed_fields

MAX_PATTERNS = 4096
_WORD = Interval(-(1 << 61), (1 << 61) - 1)


def pattern_units(left: Datapath, right: Datapath) -> tuple[list[Unit], tuple[str, ...]]:
    """Every pipeline that both datapaths declare, over all values that may enter it, for many fields.

    Returns
    -------
    units
    not_compared
        Pipelines that only one of them has, or whose fields have no values in common.

    Raises
    ------
    InputError
        If there is no unit.
    """
    found, missing = [], []
    for operation in PIPELINES:
        if operation not in left.pipelines and operation not in right.pipelines:
            continue
        for role in PIPELINES[operation].sources:
            unit = _unit(left, right, operation, role)
            if unit is None:
                missing.append(f"{operation}.{role}")
            else:
                found.append(unit)
    if not found:
        raise InputError("the datapaths have no pipeline in common", found=f"{left.name}, {right.name}")
    return found, tuple(missing)


def _unit(left: Datapath, right: Datapath, operation: str, role: PipelineRole) -> Unit | None:
    pipelines = [side.pipeline(operation) for side in (left, right)]
    stages = [None if found is None else found.stages(role) for found in pipelines]
    if stages[0] is None or stages[1] is None:
        return None
    entering = [_entering(side, operation, role) for side in (left, right)]
    low = max(_WORD.low, *(found.low for found in entering))
    high = min(_WORD.high, *(found.high for found in entering))
    ours, theirs, channels = _both_fields(left, right, stages[0], stages[1])
    if not channels:
        return None
    sides = Rescale(stages[0], ours, channels), Rescale(stages[1], theirs, channels)
    ends = np.full(channels, low, np.int64), np.full(channels, high, np.int64)
    name = f"{operation}.{role}"
    return Unit(name, name, *sides, *ends)


def _both_fields(
    left: Datapath, right: Datapath, ours: tuple[BaseStage, ...], theirs: tuple[BaseStage, ...]
) -> tuple[dict[str, Any], dict[str, Any], int]:
    """The fields of both pipelines, and how many columns: the same real multipliers."""
    sizes = [{s.table: s.entries for s in stages if isinstance(s, Table)} for stages in (ours, theirs)]
    if sizes[0] != sizes[1]:
        return {}, {}, 0
    if filled_alike(left, right):
        fields, channels = pattern_fields(left, right, ours, theirs)
        return fields, fields, channels
    parts = left.scale.parts.keys() | right.scale.parts.keys()
    others = tuple(stage for stage in theirs if not {field_name(o) for o in stage.operands()} & parts)
    fields, channels = pattern_fields(left, right, ours, others)
    scaled = [bool(set(needed_fields(stages)) & parts) for stages in (ours, theirs)]
    if scaled[0] != scaled[1]:
        return {}, {}, 0
    if not scaled[0] or not channels:
        return fields, fields, channels
    own = [name for name in left.scale.parts if name in fields]
    columns, rows = same_reals(np.stack([fields[name] for name in own], axis=1), own, left, right)
    kept = {name: value if name in _tables(ours) else value[columns] for name, value in fields.items()}
    made = {**kept, **rows}
    # Registers that stand in a sum with one of the multiplier's, such as an inverse shift, add nothing.
    lacking = [name for name in needed_fields(theirs) if name not in made]
    if any(0 not in right.fields[name].interval for name in lacking):
        return {}, {}, 0
    return kept, made | dict.fromkeys(lacking, 0), len(columns)


def _tables(stages: Sequence[BaseStage]) -> set[str]:
    return {stage.table for stage in stages if isinstance(stage, Table)}


def _entering(datapath: Datapath, operation: str, role: PipelineRole) -> Interval:
    declared = operation if operation in datapath.pipelines else "mac"
    return next(derive_pipeline(datapath, declared, role)).entering


def pattern_fields(
    left: Datapath, right: Datapath, ours: tuple[BaseStage, ...], theirs: tuple[BaseStage, ...]
) -> tuple[dict[str, Any], int]:
    """Values for the fields of two pipelines, as columns; how many columns.

    Multipliers and shifts are combined with each other; zero points and bounds go along with them.
    """
    crossed: dict[str, list[int]] = {}
    rotated: dict[str, list[int]] = {}
    tables: dict[str, Any] = {}
    roles = {**_roles(theirs), **_roles(ours)}
    for name in dict.fromkeys((*needed_fields(ours), *needed_fields(theirs))):
        allowed = _allowed(left, right, name)
        role = roles[name]
        if role is Table:
            tables[name] = _ramp(
                next(s for s in (*ours, *theirs) if getattr(s, "table", None) == name), allowed
            )
            continue
        values = _VALUES[role](allowed)
        (crossed if role in _CROSSED else rotated)[name] = [v for v in dict.fromkeys(values) if v in allowed]
    if not all((*crossed.values(), *rotated.values())):
        return {}, 0
    total = prod(map(len, crossed.values()))
    step = max(1, -(-total // MAX_PATTERNS))
    rows = list(product(*crossed.values()))[::step]
    columns = dict(zip(crossed, np.array(rows, np.int64).reshape(len(rows), -1).T, strict=True))
    turns = {
        name: np.array([values[index % len(values)] for index in range(len(rows))], np.int64)
        for name, values in rotated.items()
    }
    return {**columns, **turns, **tables}, len(rows)


def _allowed(left: Datapath, right: Datapath, name: str) -> Interval:
    """What both registers hold; where only one datapath has it, what that one holds."""
    both = [side.fields[name].interval for side in (left, right) if name in side.fields]
    low, high = max(found.low for found in both), min(found.high for found in both)
    if low > high:
        raise InputError("the datapaths' registers have no value in common", key=f"fields.{name}")
    return Interval(low, high)


def _roles(stages: Sequence[BaseStage]) -> dict[str, type[BaseStage] | str]:
    """For each field what a stage uses it for."""
    found: dict[str, type[BaseStage] | str] = {}
    for stage in stages:
        for index, operand in enumerate(stage.operands()):
            name = field_name(operand)
            if name is not None:
                found.setdefault(name, _role(stage, index))
        if isinstance(stage, Table):
            found.setdefault(stage.table, Table)
    return found


def _role(stage: BaseStage, index: int) -> type[BaseStage] | str:
    if isinstance(stage, Clamp):
        return "high" if index else "low"
    if isinstance(stage, ShiftRight) and index:
        return "inverse"
    return type(stage)


def _multipliers(allowed: Interval) -> list[int]:
    top = allowed.high
    drawn = np.random.default_rng(7).integers(top // 2 + 1, top, 6, endpoint=True).tolist() if top > 2 else []
    return [
        top,
        top - 1,
        (top + 1) // 2,
        (top + 1) // 2 + 1,
        3 * (top + 1) // 4,
        *drawn,
        1,
        0,
        -1,
        allowed.low,
    ]


def _spread(allowed: Interval) -> list[int]:
    return sorted({*np.linspace(allowed.low, allowed.high, 64).astype(int).tolist(), allowed.high})


def _corners(allowed: Interval) -> list[int]:
    return [allowed.low, 1, (allowed.low + allowed.high) // 2, allowed.high]


def _floats(allowed: Interval) -> list[int]:
    return [
        int(pattern) for pattern in np.array([2**-12, 1e-3, 0.7, 2**-24, 1.0], np.float32).view(np.uint32)
    ]


def _doubles(allowed: Interval) -> list[int]:
    return [int(pattern) for pattern in np.array([2**-12, 1e-3, 0.7, 2**-24, 1.0], np.float64).view(np.int64)]


def _divisors(allowed: Interval) -> list[int]:
    return sorted({min(max(by, 1), allowed.high) for by in (1, 2, 3, 4, 9, 49, allowed.high)})


def _digits(allowed: Interval) -> list[int]:
    return sorted({min(max(digits, 1), allowed.high) for digits in (1, 8, 24, allowed.high)})


def _zeros(allowed: Interval) -> list[int]:
    return [0, allowed.low, 5, allowed.high]


def _ramp(stage: BaseStage, allowed: Interval) -> Any:
    assert isinstance(stage, Table)
    return np.linspace(allowed.low, allowed.high, stage.entries).astype(np.int64)


_VALUES: Mapping[type[BaseStage] | str, Callable[[Interval], list[int]]] = {
    Multiply: _multipliers,
    SelectNegative: _multipliers,
    ShiftRight: _spread,
    "inverse": _corners,
    ShiftLeft: _corners,
    Float32: _floats,
    Float64: _doubles,
    Divide: _divisors,
    Significant: _digits,
    Add: _zeros,
    "low": lambda allowed: [allowed.low],
    "high": lambda allowed: [allowed.high],
}

_CROSSED = {Multiply, SelectNegative, ShiftRight, "inverse", ShiftLeft, Float32, Float64, Divide, Significant}
