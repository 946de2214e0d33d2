"""`equiv`: whether two datapaths' rescales ever differ; if so where, and which rule explains it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np

from npusim.analysis.budget import SECONDS, Budget
from npusim.analysis.change import Change, Pipeline
from npusim.analysis.compare import compare, slow
from npusim.analysis.comparison import METHODS, Check, Difference, Method, Unit
from npusim.analysis.explanation import Observed, apply_all, explain
from npusim.analysis.legality import require_legal
from npusim.analysis.patterns import pattern_units
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
    sampled
        But for so many channels, on which it was checked on samples only: there was no more time.
    """

    pipeline: str
    changes: tuple[tuple[Change, ...], ...]
    sampled: int = 0


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
    """

    left: str
    right: str
    domain: Domain
    units: tuple[Difference, ...]
    declared: tuple[tuple[str, str, str], ...]
    explanations: tuple[Explanation, ...]
    not_compared: tuple[str, ...] = ()

    @property
    def equal(self) -> bool:
        """Whether nothing compared differs."""
        return not any(found.total for found in self.units)

    @property
    def undecided(self) -> int:
        """Channels, or patterns of fields, for which there was no time: nothing is known of them."""
        return sum(len(found.undecided) for found in self.units)

    @property
    def values(self) -> int:
        """How many values were compared, over all channels."""
        return sum(found.values for found in self.units)

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


def equivalence(
    left: Datapath,
    right: Datapath,
    program: Program | None = None,
    *,
    seconds: float = SECONDS,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> EquivalenceReport:
    """Compare the rescales of two datapaths.

    Where their scale recipes fill registers differently, the same real multipliers are compared.

    Parameters
    ----------
    program
        Compare what this program can reach; None: all values, for a pattern set of fields.
    seconds
        What may be spent on pipelines that are not monotone, each of which takes a look at many values;
        and as much again on proving explanations of these. What is not decided then is counted.
    progress
        Told how many of these are decided.

    Raises
    ------
    InputError
        If one of the datapaths cannot hold the program, naming everything that does not fit.
    """
    if program is None:
        units, unknown = pattern_units(left, right)
    else:
        units, unknown = _program_units(program, left, right), not_compared(program)
    found = tuple(_compare(units, Check.SPEC, Budget(seconds, progress)))
    return EquivalenceReport(
        left.name,
        right.name,
        Domain.ALL if program is None else Domain.REACHABLE,
        found,
        tuple(_declared(left, right)),
        tuple(_explanations(found, left, Budget(seconds))),
        unknown,
    )


def _compare(units: Sequence[Unit], check: Check, budget: Budget) -> Iterator[Difference]:
    """Each unit; those with channels that are not monotone get equal shares of the time."""
    waiting = [bool(slow(unit)) for unit in units]
    for index, unit in enumerate(units):
        yield compare(unit, check, budget.share(sum(waiting[index:])) if waiting[index] else None)


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
    if isinstance(value, dict):
        return "; ".join(f"{key}: {_stages_text(inner)}" for key, inner in value.items())
    return "nothing" if value is None else str(value)


def _explanations(found: tuple[Difference, ...], left: Datapath, budget: Budget) -> Iterator[Explanation]:
    for pipeline in dict.fromkeys(unit.unit.pipeline for unit in found if unit.total):
        own = [unit for unit in found if unit.unit.pipeline == pipeline]
        told = Pipeline(f"pipelines.{pipeline}", left.activation.register, left.fields)
        worst = max(own, key=lambda unit: len(unit.channels))
        target = worst.unit.right.run(worst.probes).astype(np.int64)
        sets = explain(worst.unit.left, told, Observed(worst.probes, target))
        proven, sampled = [], 0
        for changes in sets:
            made = list(_remaining(own, changes, budget))
            if not any(one.total for one in made):
                proven.append(changes)
                sampled = max(sampled, sum(len(one.undecided) for one in made))
        yield Explanation(pipeline, tuple(proven), sampled)


def _remaining(
    units: Sequence[Difference], changes: tuple[Change, ...], budget: Budget
) -> Iterator[Difference]:
    """What changes of the left rescale leave different, on all values of the channels decided."""
    changed = []
    for one in units:
        unit: Unit = replace(one.unit, left=apply_all(one.unit.left, changes))
        decided = np.setdiff1d(np.arange(len(unit.low)), one.undecided)
        changed.append(unit.columns(decided))
    yield from _compare([unit for unit in changed if len(unit.low)], Check.KERNELS, budget)
