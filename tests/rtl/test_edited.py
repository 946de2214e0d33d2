"""A file that is not the one that was written makes every bench fail, in every simulator."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from npusim.datapath import load_datapath
from npusim.vectors import write_vectors
from npusim.vectors.bench.case import Case
from npusim.vectors.bench.emit import Build, emit, emit_set
from npusim.vectors.bench.run import Outcome, judge, run_benches
from npusim.vectors.bench.simulators import Simulator
from npusim.vectors.bench.steps import cases
from npusim.vectors.manifest import read_manifest
from npusim.vectors.units.sets import write_units
from tests.rtl.every_step import every_step, images
from tests.rtl.units import require

STEPS = ("add", "mean", "max", "bilinear", "concat", "clamp", "reshape", "matmul", "recode")
"""One of each bench: words, windows, blends, joins, walks, beats, tables."""

SLOW_TO_BUILD_OR_START = {
    Simulator.VERILATOR: ("mean",),
    Simulator.COCOTB: ("add", "mean", "reshape", "matmul"),
}
"""There, a few: the benches' texts are the same, and cocotb has four drivers."""


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, program = tmp_path_factory.mktemp("set"), every_step()
    emit_set(folder, write_vectors(program, images(program), folder, steps=STEPS, sample_pixels=9))
    return folder


def other_digit(text: str) -> str:
    """With another last digit."""
    return text[:-2] + ("1" if text[-2] == "0" else "0") + "\n"


def shorter(text: str) -> str:
    """Without its last word."""
    return text[: text.rstrip("\n").rindex("\n") + 1]


EDITS: dict[str, Callable[[str], str]] = {"edited": other_digit, "words": shorter}


@pytest.mark.parametrize("simulator", Simulator)
def test_edited_and_shortened_expected_files(simulator: Simulator, written: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(written, tmp_path / "set")
    found = [
        case for case in cases(folder, read_manifest(folder / "manifest.json")) if isinstance(case, Case)
    ]
    assert [case.name for case in found] == [step.name for step in every_step().steps if step.name in STEPS]
    some = SLOW_TO_BUILD_OR_START.get(simulator, STEPS)
    found = [case for case in found if case.name in some]
    for build in emit(folder, found):
        place = tmp_path / build.unit.name
        place.mkdir()
        require(simulator).runner.build(build.sources, place)
        for case in build.cases:
            refuses(build, case, simulator, place)


def refuses(build: Build, case: Case, simulator: Simulator, place: Path) -> None:
    def run() -> tuple[Outcome, str]:
        done = simulator.runner.run(place, case.arguments())
        result = judge(case, done.returncode, done.stdout, done.stderr)
        return result.outcome, result.text

    assert run() == (Outcome.PASSED, ""), case.name
    path = case.folder / "expected_outputs.hex"
    whole = path.read_text()
    for complaint, edit in EDITS.items():
        path.write_text(edit(whole))
        outcome, text = run()
        assert outcome is Outcome.FAILED, (case.name, complaint)
        assert "expected_outputs.hex" in text
        assert complaint in text, text
    path.unlink()
    outcome, text = run()
    assert (outcome, "cannot be opened" in text) == (Outcome.FAILED, True)


def test_a_set_of_unit_vectors_runs_as_well(tmp_path: Path) -> None:
    units = ["mac_column", "rescale", "add", "table"]
    write_units(load_datapath("wes_npu"), tmp_path, units=units)
    results = run_benches(tmp_path, require(Simulator.ICARUS))
    assert {result.text for result in results} == {""}
    assert {result.step: result.compared for result in results}["mac.result"] > 5000
    assert len(results) == len(units)
