"""Which vectors kill which mutants: those solved for, class by class, beside as many random ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from npusim.coverage.bins import BinClass
from npusim.vectors.bench import stimulus
from npusim.vectors.bench.case import Case
from npusim.vectors.bench.emit import emit
from npusim.vectors.bench.equivalence import Miter, Verdict
from npusim.vectors.bench.faults import Fault
from npusim.vectors.bench.mutants import Fate, best, fates, run_all
from npusim.vectors.bench.netlist import NetlistMutant, mutate
from npusim.vectors.bench.simulators import Simulator
from npusim.vectors.bench.solved import Classes, Solved, solved_columns, solved_words
from npusim.vectors.bench.unit import Unit, UnitKind
from npusim.vectors.bench.unit_case import write_columns, write_words

BEATS = (4, 1)
"""Of the columns that are tried."""


@dataclass(frozen=True)
class Set:
    """A case, and what its vectors were solved for; None: drawn at random."""

    case: Case
    classes: Classes | None


@dataclass(frozen=True)
class Kills:
    """The fate of every mutant under every set of vectors.

    Attributes
    ----------
    classes
        Of each set by name: what its vectors were solved for; None: drawn at random.
    fates
        By set, by mutant.
    """

    classes: Mapping[str, Classes | None]
    fates: Mapping[str, Mapping[str, Fate]]

    def by_solved(self, without: BinClass | None = None) -> dict[str, Fate]:
        """What the solved vectors do; those that only a left out class asks for set aside."""
        return self._best([name for name, its in self.classes.items() if its is not None and its - {without}])

    def by_random(self) -> dict[str, Fate]:
        """What the random ones do."""
        return self._best([name for name, its in self.classes.items() if its is None])

    def _best(self, names: Sequence[str]) -> dict[str, Fate]:
        mutants = next(iter(self.fates.values()))
        return {m: best([Fate.NOT_ACTIVATED, *(self.fates[name][m] for name in names)]) for m in mutants}


def catalogue_kills(unit: Unit, faults: Sequence[Fault], simulator: Simulator, folder: Path) -> Kills:
    """A unit's vectors against faults of the catalogue; as for `mutants.fates`."""
    sets = tuple(vector_sets(unit, folder))
    return Kills(_classes(sets), fates([each.case for each in sets], faults, simulator, folder))


def netlist_kills(
    unit: Unit, count: int, seed: int, simulator: Simulator, folder: Path
) -> tuple[Kills, list[NetlistMutant]]:
    """A unit's vectors against mutants of its netlist."""
    sets = tuple(vector_sets(unit, folder))
    (build,) = emit(folder, [each.case for each in sets])
    mutants, sources = mutate(build, count, seed, folder)
    numbers = {mutant.name: mutant.number for mutant in mutants}
    return Kills(_classes(sets), run_all(build.cases, numbers, sources, simulator, folder)), mutants


def _classes(sets: Sequence[Set]) -> dict[str, Classes | None]:
    return {each.case.name: each.classes for each in sets}


def verdicts(unit: Unit, mutants: Sequence[NetlistMutant], kills: Kills, folder: Path) -> dict[str, Verdict]:
    """What SAT says of the mutants that the solved vectors leave."""
    miter = Miter(folder, unit)
    fate = kills.by_solved()
    return {m.name: miter.verdict(m.number) for m in mutants if fate[m.name] is not Fate.KILLED}


def vector_sets(unit: Unit, folder: Path) -> Iterator[Set]:
    """A unit's solved vectors, parted by what they were solved for, and as many random ones."""
    if unit.kind is UnitKind.MAC:
        for beats in BEATS:
            columns = solved_columns(unit, beats)
            for index, (classes, some) in enumerate(columns.parts().items()):
                name = f"solved_{beats}_{index}"
                yield Set(write_columns(name, unit, some, folder / name), classes)
            drawn = stimulus.column_vectors(unit, beats, len(columns.vectors), corners=False)
            name = f"random_{beats}"
            yield Set(write_columns(name, unit, drawn, folder / name), None)
        return
    for inverted in (False, True) if unit.table.field is not None else (False,):
        solved = solved_words(unit, inverted=inverted)
        for index, (classes, some_words) in enumerate(solved.parts().items()):
            name = f"solved_{int(inverted)}_{index}"
            yield Set(write_words(name, unit, some_words, folder / name, solved.table), classes)
        name = f"random_{int(inverted)}"
        yield Set(write_words(name, unit, _random(unit, solved), folder / name, solved.table), None)


def _random(unit: Unit, solved: Solved[stimulus.Vector]) -> list[stimulus.Vector]:
    count = len(solved.vectors)
    if unit.kind is UnitKind.COMBINE:
        return stimulus.combine_vectors(unit, count, corners=False)
    if unit.table.field is not None:
        return stimulus.random_table_vectors(unit, solved.table, count)
    return stimulus.random_rescale_vectors(unit, count)
