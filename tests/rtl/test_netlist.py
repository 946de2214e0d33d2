"""Mutants of netlists: all in one build, each killed by solved vectors or proven equivalent by SAT."""

from __future__ import annotations

from pathlib import Path

import pytest

from npusim.coverage.bins import BinClass
from npusim.datapath import Datapath, load_datapath
from npusim.datapath.load import datapath_from
from npusim.errors import CheckFailed, InputError
from npusim.vectors.bench.emit import emit
from npusim.vectors.bench.equivalence import Miter, Verdict
from npusim.vectors.bench.kill import Kills
from npusim.vectors.bench.mutants import Fate, run_all
from npusim.vectors.bench.netlist import mutate
from npusim.vectors.bench.simulators import Simulator
from npusim.vectors.bench.solved import solved_columns, solved_words
from npusim.vectors.bench.unit import Unit, UnitKind
from npusim.vectors.bench.unit_case import write_columns, write_words
from npusim.vectors.bench.yosys import run_script, yosys
from tests.coverage.toys import toy
from tests.rtl.units import require
from tests.tools import require_tool

SEED = 3


def small() -> Datapath:
    """A rescale of few bits."""
    plain = toy().model_dump(mode="json", exclude_none=True)
    return datapath_from(plain, changes={"name": "netlist_toy"})


def test_mutants_are_killed_or_proven_equivalent(tmp_path: Path) -> None:
    require_tool("yosys")
    unit = Unit(UnitKind.PIPELINE, "mac", small())
    case = write_words("solved", unit, solved_words(unit).vectors, tmp_path / "solved")
    (build,) = emit(tmp_path, [case])
    mutants, sources = mutate(build, 12, SEED, tmp_path)
    assert [mutant.number for mutant in mutants] == list(range(1, 13))
    numbers = {mutant.name: mutant.number for mutant in mutants}
    fates = run_all([case], numbers, sources, require(Simulator.ICARUS), tmp_path)["solved"]
    miter = Miter(tmp_path, unit)
    left = [name for name, fate in fates.items() if fate is not Fate.KILLED]
    assert left
    assert {miter.verdict(numbers[name]) for name in left} == {Verdict.EQUIVALENT}
    killed = next(name for name, fate in fates.items() if fate is Fate.KILLED)
    assert miter.verdict(numbers[killed]) is Verdict.DIFFERENT


def test_registers_are_cut(tmp_path: Path) -> None:
    require_tool("yosys")
    unit = Unit(UnitKind.MAC, "mac", small())
    (build,) = emit(tmp_path, [write_columns("one", unit, solved_columns(unit, 1).vectors, tmp_path / "one")])
    mutants, _ = mutate(build, 8, SEED, tmp_path)
    assert all("array" in mutant.cell for mutant in mutants)
    miter = Miter(tmp_path, unit)
    assert {miter.verdict(mutant.number) for mutant in mutants} == {Verdict.EQUIVALENT, Verdict.DIFFERENT}


def test_a_class_left_out_takes_its_own_vectors_away() -> None:
    words = solved_words(Unit(UnitKind.PIPELINE, "mac", load_datapath("wes_npu")))
    parts = words.parts()
    assert sum(map(len, parts.values())) == len(words.vectors)
    assert frozenset({BinClass.TIE}) in parts
    columns = solved_columns(Unit(UnitKind.MAC, "mac", load_datapath("wes_npu")), 2)
    assert frozenset({BinClass.LANE}) in columns.parts()


def test_kills_without_a_class() -> None:
    fates = {"a": {"m": Fate.KILLED}, "b": {"m": Fate.SURVIVED}, "r": {"m": Fate.NOT_ACTIVATED}}
    classes = {"a": frozenset({BinClass.TIE}), "b": frozenset({BinClass.TIE, BinClass.SHIFT}), "r": None}
    kills = Kills(classes, fates)
    assert kills.by_solved() == {"m": Fate.KILLED}
    assert kills.by_solved(without=BinClass.TIE) == {"m": Fate.SURVIVED}
    assert kills.by_solved(without=BinClass.SHIFT) == {"m": Fate.KILLED}
    assert kills.by_random() == {"m": Fate.NOT_ACTIVATED}


def test_without_yosys_a_message(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="Yosys is not installed"):
        yosys()


def test_what_yosys_refuses_is_told(tmp_path: Path) -> None:
    require_tool("yosys")
    with pytest.raises(CheckFailed, match="refuses a script"):
        run_script(["read_verilog missing.v"], tmp_path)
