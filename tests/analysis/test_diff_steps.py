"""Divergences of steps without weights: the rule that was broken is in the small set reported."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pytest

import npusim
from npusim.analysis import DiffReport, diff, load_taps
from npusim.analysis.taps import Tap, TapSet
from npusim.datapath.load import change_datapath
from npusim.files.data import save_data
from npusim.steps.base import TensorType
from npusim.steps.pad import PadStep
from tests.analysis.builders import WES
from tests.analysis.step_mutants import STEPS, StepMutant, inputs, program, step_mutants

MUTANTS = list(step_mutants())
SIZES: dict[str, int] = {}


def report(step: str, theirs: dict[str, Any], folder: Path, **given: Any) -> DiffReport:
    made, x = program(step), inputs(step)
    save_data(folder / "ours.h5", taps_of(made, x, "step:output"))
    save_data(folder / "theirs.h5", theirs)
    sets = load_taps(folder / "ours.h5"), load_taps(folder / "theirs.h5")
    return diff(*sets, program=made, **{"inputs": x, **given})


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: f"{mutant.step}, {mutant.name}")
def test_the_true_rule_is_among_the_few_reported(mutant: StepMutant, tmp_path: Path) -> None:
    answers = mutant.run(inputs(mutant.step))
    found = report(mutant.step, {"taps/step/output": answers}, tmp_path)
    assert found.first is not None
    told = [" and ".join(change.text for change in changes) for changes in found.explanations]
    assert any(rule in text for rule in mutant.rules for text in told), (told, found.note)
    assert len(told) <= 4, told
    SIZES[f"{mutant.step}, {mutant.name}"] = len(told)


def test_the_sets_reported_are_small() -> None:
    if len(SIZES) < len(MUTANTS):
        pytest.skip("the mutants were not all run before this test")
    assert median(SIZES.values()) <= 2


def test_every_kind_is_in_the_matrix() -> None:
    assert {mutant.step for mutant in MUTANTS} == set(STEPS)


def test_recorded_sums_part_the_operands_from_the_result(tmp_path: Path) -> None:
    """A rule of each half is found where the sums were recorded; neither is without them."""
    made, x = program("add"), inputs("add")
    step = made.steps[0]
    a, b = step.operand_fields
    wrong = step.replace(operand_fields=(b, a), fields={**step.fields, "low": -128})
    program_of = made.replace(steps=(wrong,))
    save_data(tmp_path / "ours.h5", taps_of(made, x, "step:sum", "step:output"))
    save_data(tmp_path / "theirs.h5", taps_of(program_of, x, "step:sum", "step:output"))
    sets = load_taps(tmp_path / "ours.h5"), load_taps(tmp_path / "theirs.h5")
    for given in ({"a": x["a"], "b": x["b"]}, {}):
        found = diff(*sets, program=made, inputs=given)
        assert found.first is not None
        assert found.first.point == "sum"
        told = [[change.text.split(": ")[-1] for change in changes] for changes in found.explanations]
        wanted = [["the registers of the two operands are exchanged", "low is not applied"]] if given else []
        assert told == wanted
    assert found.note is not None
    assert "--input" in found.note


def test_what_is_recorded_of_some_pixels_is_explained(tmp_path: Path) -> None:
    """Windows of several sizes: each recorded element has the registers of its own window."""
    made, x = program("pool"), inputs("pool")
    mutated = change_datapath(WES, {"pipelines.average_pool.result[1].rounding": "floor"}, "mutant")
    sides = [
        npusim.simulate(made, x, taps=["step"], datapath=datapath).taps["step"]
        for datapath in (None, mutated)
    ]
    pixels = (0, 7, 9, 14, 29, 35)
    ours, theirs = (
        TapSet(
            tmp_path,
            {
                ("step", point): Tap(values.reshape(4, 36, 4)[:, pixels], 32, True, pixels, 6)
                for point, values in side.items()
            },
            {"a": x["a"]},
            made,
        )
        for side in sides
    )
    found = diff(ours, theirs)
    told = [change.text for (change,) in found.explanations]
    assert "pipelines.average_pool.result[1]: rounds floor, not half_up" in told


def test_steps_without_a_pipeline_say_so(tmp_path: Path) -> None:
    shape = TensorType(shape=(2, 2, 3), bits=8)
    step = PadStep(name="step", inputs=("a",), output="y", pads=((0, 0), (0, 0), (0, 0)), value=0)
    made = program("recode").replace(steps=(step,), tensors={"a": shape, "y": shape})
    x = {"a": np.zeros((1, 2, 2, 3), np.int8)}
    for name, values in (("a", x["a"]), ("b", x["a"] + np.int8(1))):
        save_data(tmp_path / f"{name}.h5", {"taps/step/output": values})
    found = diff(load_taps(tmp_path / "a.h5"), load_taps(tmp_path / "b.h5"), program=made, inputs=x)
    assert found.first is not None
    assert found.note == "step is a pad step: it runs through no pipeline whose rules could differ"


def taps_of(made: Any, x: Any, *points: str) -> dict[str, Any]:
    taps = npusim.simulate(made, x, taps=points).taps["step"]
    return {f"taps/step/{point}": values for point, values in taps.items()}
