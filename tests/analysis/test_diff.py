from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pytest

from npusim.analysis import DiffReport, diff, load_taps
from npusim.errors import InputError
from npusim.files.data import save_data
from npusim.program import Program
from tests.analysis.builders import conv, program
from tests.analysis.mutants import Mutant, mutants, taps_of

RNG = np.random.default_rng(12)
FIELDS = {
    "multiplier": 45056,  # 11 * 2^12: ties are common
    "shift": 17,
    "inverse_shift": np.array([0, 9, 2, 8, 5, 1, 3, 4]),
    "x_zero": 7,
    "y_zero": -9,
    "low": -100,
    "high": 110,
}


def network() -> Program:
    """Two convolutions; every rule of the first one shows on random images."""
    scale = 1 << FIELDS["inverse_shift"]
    weights = np.clip(RNG.integers(-3, 4, (8, 3, 3, 4)) * scale[:, None, None, None], -127, 127)
    first = conv(weights, RNG.integers(-60, 60, 8) * scale * 8, FIELDS, padding=((1, 1), (1, 1)))
    second = conv(
        RNG.integers(-20, 20, (3, 1, 1, 8)), name="next", inputs=("y",), output="z", fields={"x_zero": -9}
    )
    return program(first, second, shape=(8, 8, 4))


MADE = network()
IMAGES = np.where(RNG.random((6, 8, 8, 4)) < 0.5, RNG.integers(-128, 128, (6, 8, 8, 4)), 127).astype(np.int8)
MUTANTS = list(mutants())
SIZES: dict[str, int] = {}


def report(mutant: Mutant, folder: Path, points: tuple[str, ...] = ("accumulator", "output")) -> DiffReport:
    save_data(folder / "ours.h5", taps_of(MADE, IMAGES))
    theirs = mutant.run(MADE, IMAGES)
    save_data(folder / "theirs.h5", {k: v for k, v in theirs.items() if k.endswith(points)})
    sets = load_taps(folder / "ours.h5"), load_taps(folder / "theirs.h5")
    return diff(*sets, program=MADE, inputs={"x": IMAGES})


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
@pytest.mark.parametrize("points", [("accumulator", "output"), ("output",)], ids=["all taps", "outputs only"])
def test_the_true_rule_is_among_the_few_reported(
    mutant: Mutant, points: tuple[str, ...], tmp_path: Path
) -> None:
    found = report(mutant, tmp_path, points)
    assert found.first is not None
    assert found.first.step == "conv"
    if points[0] == "accumulator":
        assert found.first.point == ("accumulator" if mutant.mac else "output")
    told = [" and ".join(change.text for change in changes) for changes in found.explanations]
    assert any(rule in text for rule in mutant.rules for text in told), told
    assert len(told) <= 4
    SIZES[f"{mutant.name}, {points}"] = len(told)


def test_the_sets_reported_are_small() -> None:
    if len(SIZES) < 2 * len(MUTANTS):
        pytest.skip("the mutants were not all run before this test")
    assert median(SIZES.values()) <= 2


def test_two_rules_at_once(tmp_path: Path) -> None:
    first = MADE.steps[0]
    fields = {**first.fields, "y_zero": -first.fields["y_zero"], "low": -128}
    wrong = MADE.replace(steps=(first.replace(fields=fields), *MADE.steps[1:]))
    found = report(Mutant("two", (), lambda _, images: taps_of(wrong, images)), tmp_path)
    told = {frozenset(change.text.split(": ", 1)[-1] for change in changes) for changes in found.explanations}
    assert frozenset({"y_zero has the other sign", "low is not applied"}) in told
    assert all(len(changes) == 2 for changes in found.explanations)


def test_a_rule_of_each_half(tmp_path: Path) -> None:
    """Recorded accumulators part the MAC's rule from the rescale's."""
    first = MADE.steps[0]
    wrong = MADE.replace(steps=(first.replace(bias=first.bias + 1), *MADE.steps[1:]))
    rounding = next(mutant for mutant in MUTANTS if mutant.name == "rounds floor")
    found = report(Mutant("both", (), lambda _, images: rounding.run(wrong, images)), tmp_path)
    told = [[change.text for change in changes] for changes in found.explanations]
    assert ["the accumulator is off by +1", "pipelines.mac.result[1]: rounds floor, not half_up"] in told


def test_place_of_the_first_divergence(tmp_path: Path) -> None:
    ours = taps_of(MADE, IMAGES)
    theirs: dict[str, Any] = {name: values.copy() for name, values in ours.items()}
    theirs["taps/next/output"][0, 0, 0, 0] ^= 1
    theirs["taps/conv/output"][2, 3, 4, 5] ^= 1
    theirs["taps/conv/output"][4, 0, 0, 0] ^= 1
    save_data(tmp_path / "a.npz", ours)
    save_data(tmp_path / "b.npz", theirs)
    found = diff(
        load_taps(tmp_path / "a.npz"), load_taps(tmp_path / "b.npz"), program=MADE, inputs={"x": IMAGES}
    )
    assert found.first is not None
    place = found.first.image, found.first.row, found.first.column, found.first.channel
    assert (found.first.step, found.first.point, place) == ("conv", "output", (2, 3, 4, 5))
    assert found.first.accumulator == ours["taps/conv/accumulator"][2, 3, 4, 5]
    assert (found.first.differing, found.diverging) == (2, ("conv", "next"))
    assert found.explanations == ()
    assert found.note is not None


def test_equal_sets_and_sets_without_a_program(tmp_path: Path) -> None:
    ours = taps_of(MADE, IMAGES[:1])
    save_data(tmp_path / "a.h5", ours)
    save_data(tmp_path / "b.h5", {k: v for k, v in ours.items() if "next" not in k})
    sets = load_taps(tmp_path / "a.h5"), load_taps(tmp_path / "b.h5")
    found = diff(*sets)
    assert found.equal
    assert found.missing == ("next:accumulator", "next:output")
    ours["taps/conv/output"][0, 0, 0, 0] ^= 1
    save_data(tmp_path / "b.h5", ours)
    found = diff(sets[0], load_taps(tmp_path / "b.h5"))
    assert found.first is not None
    assert found.note is not None
    assert "program" in found.note


def test_user_mistakes_are_told(tmp_path: Path) -> None:
    ours = taps_of(MADE, IMAGES[:2])
    save_data(tmp_path / "a.h5", ours)
    save_data(tmp_path / "b.h5", {"taps/conv/output": ours["taps/conv/output"][:1]})
    save_data(tmp_path / "c.h5", {"taps/other/output": ours["taps/conv/output"]})
    save_data(tmp_path / "d.h5", {"outputs/x": ours["taps/conv/output"]})
    first = load_taps(tmp_path / "a.h5")
    with pytest.raises(InputError, match="another shape"):
        diff(first, load_taps(tmp_path / "b.h5"))
    with pytest.raises(InputError, match="no tap in common"):
        diff(first, load_taps(tmp_path / "c.h5"))
    with pytest.raises(InputError, match="no such step"):
        diff(load_taps(tmp_path / "c.h5"), first, program=MADE)
    with pytest.raises(InputError, match="no taps"):
        load_taps(tmp_path / "d.h5")
