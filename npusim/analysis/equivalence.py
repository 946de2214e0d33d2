"""`equiv`: whether two datapaths' rescales ever differ; if so where, and which rule explains it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np

from npusim.analysis.change import Change, Pipeline
from npusim.analysis.compare import affordable, compare
from npusim.analysis.comparison import METHODS, Check, Difference, Method, Unit
from npusim.analysis.explanation import Observed, apply_all, explain
from npusim.analysis.legality import require_legal
from npusim.analysis.patterns import pattern_units
from npusim.analysis.rescale import Rescale
from npusim.analysis.scales import filled_alike, translated
from npusim.analysis.units import not_compared, program_units
from npusim.datapath.model import Datapath
from npusim.program import Program


class Domain(StrEnum):
    """Which values were compared."""

    ALL = "all values that may enter, for a pattern set of fields"
    REACHABLE = "the values that the program can reach, by the proof"


@dataclass(frozen=True)
class Counterexample:
    """One value on which two rescales differ, as both the spec and the kernels have it."""

    unit: str
    channel: int
    value: int
    left: int
    right: int
    fields: Mapping[str, int]


@dataclass(frozen=True)
class Explanation:
    """Changes of the left datapath that make one of its pipelines the right one's.

    Attributes
    ----------
    changes
        Each set alone does it: on every value compared, which was checked.
    """

    pipeline: str
    changes: tuple[tuple[Change, ...], ...]


@dataclass(frozen=True, eq=False)
class EquivalenceReport:
    """The answer.

    Attributes
    ----------
    declared
        Where the two declarations differ: (path, left, right).
    explanations
        One for each pipeline with differences.
    not_compared
        Steps of kinds that this comparison does not know, pipelines that only one datapath has.
    left_out
        Patterns of fields that would each have taken a loop over every value.
    """

    left: str
    right: str
    domain: Domain
    units: tuple[Difference, ...]
    declared: tuple[tuple[str, str, str], ...]
    explanations: tuple[Explanation, ...]
    not_compared: tuple[str, ...] = ()
    left_out: int = 0

    @property
    def equal(self) -> bool:
        """Whether nothing compared differs."""
        return not any(found.total for found in self.units)

    @property
    def values(self) -> int:
        """How many values were compared, over all channels."""
        return sum(found.unit.values for found in self.units)

    @property
    def differing(self) -> int:
        """How many of them differ: exactly."""
        return sum(found.total for found in self.units)

    def methods(self) -> dict[Method, int]:
        """How many channels were decided by which method."""
        counts = dict.fromkeys(Method, 0)
        for found in self.units:
            for index, method in enumerate(METHODS):
                counts[method] += int((found.method == index).sum())
        return counts

    def counterexamples(self, unit: Difference) -> Iterator[Counterexample]:
        """The value nearest to zero of every differing channel, confirmed by spec and kernels.

        Raises
        ------
        AssertionError
            If spec and kernels disagree: a defect of npusim.
        """
        sides = unit.unit.left, unit.unit.right
        made = [side.run(unit.witness[None])[0] for side in sides]
        for channel in unit.channels:
            value = int(unit.witness[channel])
            left, right = (side.spec(value, int(channel)) for side in sides)
            if (left, right) != (made[0][channel], made[1][channel]) or left == right:
                raise AssertionError(f"spec and kernels disagree: {unit.unit.name}, {channel}, {value}")
            fields = {k: v for k, v in sides[0].channel(int(channel)).items() if isinstance(v, int)}
            yield Counterexample(unit.unit.name, int(channel), value, left, right, fields)

    def smallest(self) -> Counterexample | None:
        """The value nearest to zero of all; None if nothing differs."""
        found = [unit for unit in self.units if unit.total]
        best = [unit.channels[np.abs(unit.witness[unit.channels]).argmin()] for unit in found]
        if not found:
            return None
        index = int(np.argmin([abs(int(u.witness[c])) for u, c in zip(found, best, strict=True)]))
        unit, channel = found[index], best[index]
        alone = compare(unit.unit.columns(np.array([channel])))
        return replace(next(self.counterexamples(alone)), channel=int(channel))


def equivalence(left: Datapath, right: Datapath, program: Program | None = None) -> EquivalenceReport:
    """Compare the rescales of two datapaths.

    Where their scale recipes fill registers differently, the same real multipliers are compared.

    Parameters
    ----------
    program
        Compare what this program can reach; None: all values, for a pattern set of fields.

    Raises
    ------
    InputError
        If one of the datapaths cannot hold the program, naming everything that does not fit.
    """
    if program is None:
        units, unknown = pattern_units(left, right)
        found, left_out = _compare_patterns(units)
    else:
        unknown, left_out = not_compared(program), 0
        found = tuple(compare(unit) for unit in _program_units(program, left, right))
    return EquivalenceReport(
        left.name,
        right.name,
        Domain.ALL if program is None else Domain.REACHABLE,
        found,
        tuple(_declared(left, right)),
        tuple(_explanations(found, left)),
        unknown,
        left_out,
    )


def _compare_patterns(units: list[Unit]) -> tuple[tuple[Difference, ...], int]:
    """Compare what is quickly compared; some of the rest as well where that shows no difference."""
    parts = [affordable(unit) for unit in units]
    found = [compare(quick) for quick, _ in parts if quick is not None]
    slow = [unit for _, unit in parts if unit is not None]
    left_out = sum(len(unit.low) for unit in slow)
    for unit in slow:
        if any(one.total for one in found):
            break
        middle = np.unique([0, len(unit.low) // 2])
        found.append(compare(unit.columns(middle)))
        left_out -= len(middle)
    return tuple(found), left_out


def _program_units(program: Program, left: Datapath, right: Datapath) -> list[Unit]:
    sides = []
    for side in (left, right):
        if filled_alike(program.datapath, side):
            require_legal(program, side)
        sides.append(translated(program, side))
    return program_units(sides[0], sides[1])


def _declared(left: Datapath, right: Datapath) -> Iterator[tuple[str, str, str]]:
    """Where the declared arithmetic differs."""
    told = {"name", "title", "source", "evidence"}
    sides = (side.model_dump(mode="json", exclude=told, exclude_none=True) for side in (left, right))
    yield from _differing("", *sides)


def _differing(path: str, left: Any, right: Any) -> Iterator[tuple[str, str, str]]:
    if isinstance(left, dict) and isinstance(right, dict):
        for key in dict.fromkeys((*left, *right)):
            inner = f"{path}.{key}" if path else key
            yield from _differing(inner, left.get(key), right.get(key))
    elif isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        for index, (ours, theirs) in enumerate(zip(left, right, strict=True)):
            yield from _differing(f"{path}[{index}]", ours, theirs)
    elif left != right:
        yield path, _stages_text(left), _stages_text(right)


def _stages_text(value: Any) -> str:
    if isinstance(value, list) and value and isinstance(value[0], dict) and "stage" in value[0]:
        return ", ".join(str(stage["stage"]) for stage in value)
    return "nothing" if value is None else str(value)


def _explanations(found: tuple[Difference, ...], left: Datapath) -> Iterator[Explanation]:
    for pipeline in dict.fromkeys(unit.unit.pipeline for unit in found if unit.total):
        own = [unit for unit in found if unit.unit.pipeline == pipeline]
        told = Pipeline(f"pipelines.{pipeline}", left.activation.register, left.fields)
        worst = max(own, key=lambda unit: len(unit.channels))
        target = worst.unit.right.run(worst.probes).astype(np.int64)
        sets = explain(worst.unit.left, told, Observed(worst.probes, target))
        proven = [changes for changes in sets if all(_makes_equal(unit.unit, changes) for unit in own)]
        yield Explanation(pipeline, tuple(proven))


def _makes_equal(unit: Unit, changes: tuple[Change, ...]) -> bool:
    """Whether changes of the left rescale leave no difference on the unit's whole domain."""
    changed: Rescale = apply_all(unit.left, changes)
    return compare(replace(unit, left=changed), Check.KERNELS).total == 0
