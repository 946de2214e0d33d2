"""All cases of a set, in order: solved for, pattern tables crossed, weighted random; none twice."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from enum import StrEnum

from npusim.vectors.units.unit import Case, Level, VectorUnit


class Origin(StrEnum):
    """Where a case comes from."""

    SOLVED = "solved"
    PATTERN = "pattern"
    RANDOM = "random"


def stimuli(unit: VectorUnit, level: Level, seed: int) -> Iterator[tuple[Origin, Case]]:
    """The legal cases of a unit; the same seed, the same cases.

    Patterns and random cases have generators of their own: more of one kind change nothing of the other.
    """
    sources: dict[Origin, Callable[[], Iterator[Case]]] = {
        Origin.SOLVED: unit.solved,
        Origin.PATTERN: lambda: unit.patterns(level, random.Random(f"{seed}/patterns")),
        Origin.RANDOM: lambda: unit.drawn(level, random.Random(f"{seed}/drawn")),
    }
    seen: set[Case] = set()
    for origin, source in sources.items():
        for case in source():
            if case not in seen and unit.problem(case) is None:
                seen.add(case)
                yield origin, case
