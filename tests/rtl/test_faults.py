"""The catalogue of faults, and that solved vectors kill what random ones do not."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from npusim.coverage.bins import BinClass
from npusim.datapath import load_datapath
from npusim.errors import CheckFailed, InputError
from npusim.vectors.bench import stimulus
from npusim.vectors.bench.case import Case
from npusim.vectors.bench.emit import RTL, rtl_files
from npusim.vectors.bench.faults import Fault, faulty, read_faults, write_faulty
from npusim.vectors.bench.kill import catalogue_kills
from npusim.vectors.bench.mutants import Fate, fates
from npusim.vectors.bench.simulators import Simulator
from npusim.vectors.bench.unit import Unit, UnitKind
from npusim.vectors.bench.unit_case import write_words
from tests.rtl.units import column_case, require

FAULTS = {fault.name: fault for fault in read_faults()}
TIES = ("rounds_half_down", "rounds_half_away", "rounds_half_even")
"""What drawing evenly hardly ever notices."""


def test_there_are_many_faults_and_every_line_is_there(tmp_path: Path) -> None:
    assert len(FAULTS) >= 60
    assert [fault.number for fault in FAULTS.values()] == list(range(1, len(FAULTS) + 1))
    copies = write_faulty(rtl_files(), list(FAULTS.values()), tmp_path)
    changed = [copy for copy in copies if copy.parent == tmp_path]
    assert {copy.name for copy in changed} == {fault.file for fault in FAULTS.values()}
    assert all(fault.line.split(" = ")[1] != f"{fault.instead};" for fault in FAULTS.values())


def test_a_line_that_is_gone_is_refused() -> None:
    fault = Fault(1, "gone", "A1", "npusim_sum.sv", "total = 7;", "8")
    with pytest.raises(InputError, match="exactly once"):
        faulty((RTL / "npusim_sum.sv").read_text(), [fault])


def wes_case(kind: str, folder: Path) -> Case:
    unit = Unit(UnitKind.PIPELINE, "mac", load_datapath("wes_npu"))
    solved = random.Random(5).sample(stimulus.rescale_vectors(unit), 900)
    vectors = solved if kind == "solved" else stimulus.random_rescale_vectors(unit, len(solved))
    return write_words(kind, unit, vectors, folder / kind)


def test_solved_vectors_kill_what_random_ones_do_not(tmp_path: Path) -> None:
    cases = [wes_case(kind, tmp_path) for kind in ("solved", "random")]
    names = ("logical_shift", "inverse_shift_twice", "clamp_high_early", *TIES)
    found = fates(cases, [FAULTS[name] for name in names], require(Simulator.ICARUS), tmp_path)
    assert found["solved"] == dict.fromkeys(names, Fate.KILLED)
    assert {found["random"][name] for name in TIES} == {Fate.SURVIVED}


def test_a_fault_without_effect_is_no_kill(tmp_path: Path) -> None:
    names = ("rounds_half_up", "sign_lost")
    cases = [wes_case("solved", tmp_path)]
    found = fates(cases, [FAULTS[name] for name in names], require(Simulator.ICARUS), tmp_path)
    assert found["solved"] == {"rounds_half_up": Fate.NOT_ACTIVATED, "sign_lost": Fate.SURVIVED}


def test_faults_of_the_mac(tmp_path: Path) -> None:
    names = (
        *("last_partial_tile_dropped", "saturation_only_at_the_end", "accumulator_a_bit_narrow"),
        *("beat_lost_while_last", "activation_lanes_swapped", "bias_lost", "valid_ignored"),
    )
    case = column_case(load_datapath("wes_npu"), tmp_path)
    found = fates([case], [FAULTS[name] for name in names], require(Simulator.ICARUS), tmp_path)
    assert found["columns"] == dict.fromkeys(names, Fate.KILLED)


def test_wrong_vectors_are_no_kills_either(tmp_path: Path) -> None:
    unit = Unit(UnitKind.PIPELINE, "mac", load_datapath("wes_npu"))
    (vector,) = stimulus.random_rescale_vectors(unit, 1)
    wrong = stimulus.Vector(vector.values, vector.fields, vector.expected ^ 1)
    with pytest.raises(CheckFailed, match="without any fault"):
        fates(
            [write_words("wrong", unit, [wrong], tmp_path / "wrong")],
            [FAULTS["bias_lost"]],
            require(Simulator.ICARUS),
            tmp_path,
        )


@pytest.mark.parametrize(
    ("name", "datapath", "operation", "about"),
    [
        ("division_floors_half_of_the_divisor", "tflite", "average_pool", BinClass.DIVISOR),
        ("float_conversion_ties_up", "onnxruntime", "mac", BinClass.SCALE),
    ],
)
def test_faults_that_one_class_of_bins_catches(
    name: str, datapath: str, operation: str, about: BinClass, tmp_path: Path
) -> None:
    unit = Unit(UnitKind.PIPELINE, operation, load_datapath(datapath))
    kills = catalogue_kills(unit, [FAULTS[name]], require(Simulator.ICARUS), tmp_path)
    assert kills.by_solved() == {name: Fate.KILLED}
    left_out = {each: kills.by_solved(without=each)[name] for each in BinClass}
    assert [each for each, fate in left_out.items() if fate is not Fate.KILLED] == [about]
    assert kills.by_random()[name] is not Fate.KILLED
