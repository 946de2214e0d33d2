"""The same real multiplier in the registers of another datapath, where the two are filled differently."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.datapath.model import Datapath, Granularity
from npusim.errors import InputError
from npusim.program import Program, require_same_biases
from npusim.spec.floats import BINARY32, BINARY64
from npusim.spec.scale import Part, encode, fields_of, shift_limits
from npusim.steps.base import Step

Fields = Mapping[str, Any]

_FLOATS = {Part.FLOAT32: BINARY32, Part.FLOAT64: BINARY64}


def filled_alike(left: Datapath, right: Datapath) -> bool:
    """Whether a multiplier's registers mean the same on both."""
    ours, theirs = left.scale, right.scale
    return dict(ours.parts) == dict(theirs.parts) and ours.pivot == theirs.pivot


def refilled_for(program: Program, datapath: Datapath) -> Program:
    """A program that may be run on another datapath: as it is, or translated where registers mean otherwise.

    Raises
    ------
    InputError
        If the other datapath's registers cannot hold a multiplier, or its MAC wants other biases.
    """
    if filled_alike(program.datapath, datapath):
        return program
    require_same_biases(program, datapath)
    return translated(program, datapath)


def translated(program: Program, datapath: Datapath) -> Program:
    """A program on another datapath: its real multipliers in that one's registers.

    Where both fill their registers alike, the registers keep their values.

    Raises
    ------
    InputError
        If the other datapath's registers cannot hold a multiplier, or the program does not fit it.
    """
    source = program.datapath
    if filled_alike(source, datapath):
        return program.replace(datapath=datapath)
    steps = tuple(_step(step, source, datapath) for step in program.steps)
    return program.replace(steps=steps, datapath=datapath)


def _step(step: Step, source: Datapath, target: Datapath) -> Step:
    changes: dict[str, Any] = {}
    try:
        for key in ("fields", "operand_fields"):
            found = getattr(step, key, None)
            if isinstance(found, Mapping):
                changes[key] = refilled(found, source, target)
            elif found is not None:
                changes[key] = tuple(None if f is None else refilled(f, source, target) for f in found)
    except InputError as error:
        raise error.within(step.name) from None
    return step.replace(**changes) if changes else step


def refilled(fields: Fields, source: Datapath, target: Datapath) -> dict[str, Any]:
    """Fields with those of the multiplier filled as another datapath's scale recipe says."""
    parts = source.scale.parts
    if not any(name in fields for name in source.scale.multipliers):
        return dict(fields)
    count = max(np.size(fields[name]) for name in parts if name in fields)
    reals = [
        real_of({name: _at(fields[name], i) for name in parts if name in fields}, source)
        for i in range(count)
    ]
    rest = {name: value for name, value in fields.items() if name not in parts}
    return {**rest, **_filled(reals, target)}


def _at(value: Any, index: int) -> int:
    return int(value) if np.ndim(value) == 0 else int(value[index])


def real_of(fields: Mapping[str, int], datapath: Datapath) -> Fraction:
    """The real multiplier that some registers hold: exactly."""
    by_part = {part: fields[name] for name, part in datapath.scale.parts.items() if name in fields}
    for part, form in _FLOATS.items():
        if part in by_part and Part.MULTIPLIER not in by_part:
            significand, exponent = form.decode(by_part[part])
            return significand * Fraction(2) ** exponent
    pivot, dropped = datapath.scale.pivot, datapath.scale.dropped_bits
    if Part.SHIFT in by_part:
        shift = by_part[Part.SHIFT]
    elif Part.SHORT_SHIFT in by_part and Part.MULTIPLIER not in by_part:
        return Fraction(by_part[Part.SHORT_MULTIPLIER]) / Fraction(2) ** by_part[Part.SHORT_SHIFT]
    else:
        shift = by_part.get(Part.FIRST, pivot) + by_part.get(Part.RIGHT, 0) - by_part.get(Part.LEFT, 0)
    short = by_part.get(Part.SHORT_MULTIPLIER, 1) << (dropped if Part.SHORT_MULTIPLIER in by_part else 0)
    return Fraction(by_part.get(Part.MULTIPLIER, short)) / Fraction(2) ** shift


def _filled(reals: Sequence[Fraction], target: Datapath) -> dict[str, Any]:
    """Registers of real multipliers; those that all channels share are filled once."""
    recipe, ranges = target.scale, target.ranges()
    names = [name for name in recipe.parts if name in ranges]
    shared = any(target.fields[name].per is Granularity.LAYER for name in names)
    groups = [list(reals)] if shared else [[real] for real in reals]
    rows: list[dict[str, int]] = []
    for group in groups:
        try:
            multipliers, shift = encode(group, recipe, shift_limits(recipe, ranges))
        except ArithmeticError as error:
            raise InputError(f"{target.name} cannot hold a multiplier: {error}") from None
        rows += [fields_of(recipe, r, m, shift, ranges) for r, m in zip(group, multipliers, strict=True)]
    made: dict[str, Any] = {}
    for name in names:
        values = np.array([row[name] for row in rows], np.int64)
        alike = target.fields[name].per is Granularity.LAYER or len(rows) == 1
        if alike and (values != values[0]).any():
            raise InputError(
                f"{target.name} has one register per layer", key=name, found=f"{len(rows)} values"
            )
        made[name] = int(values[0]) if alike else values
    return made


def same_reals(
    rows: npt.NDArray[np.int64], names: Sequence[str], source: Datapath, target: Datapath
) -> tuple[npt.NDArray[np.intp], dict[str, npt.NDArray[np.int64]]]:
    """Registers of another datapath for the real multipliers of some rows of registers.

    Returns
    -------
    columns
        The rows whose multiplier the other datapath holds exactly.
    fields
        Its registers for these.
    """
    recipe, ranges = target.scale, target.ranges()
    limits = shift_limits(recipe, ranges)
    columns, made = [], []
    for index, row in enumerate(rows.tolist()):
        real = real_of(dict(zip(names, row, strict=True)), source)
        try:
            (multiplier,), shift = encode([real], recipe, limits)
        except ArithmeticError:
            continue
        fields = fields_of(recipe, real, multiplier, shift, ranges)
        if real_of(fields, target) == real:
            columns.append(index)
            made.append(fields)
    kept = [name for name in recipe.parts if name in ranges]
    return np.array(columns, np.intp), {name: np.array([f[name] for f in made], np.int64) for name in kept}
