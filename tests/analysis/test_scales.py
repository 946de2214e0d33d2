from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from npusim.analysis import equivalence
from npusim.analysis.equivalence import Domain
from npusim.analysis.scales import filled_alike, real_of, refilled, translated
from npusim.datapath import load_datapath
from npusim.errors import InputError
from npusim.program import Program
from tests.analysis.builders import WES, conv, program

TFLITE, SINGLE, TOSA = (
    load_datapath(name) for name in ("tflite", "tflite_single_round", "tosa_double_round")
)
RNG = np.random.default_rng(21)
CHANNELS = 64


def made() -> Program:
    """A program of tflite with a multiplier a channel."""
    fields = {
        "multiplier": RNG.integers(1 << 30, 1 << 31, CHANNELS),
        "left_shift": np.zeros(CHANNELS, np.int64),
        "shift": RNG.integers(6, 12, CHANNELS),
        "x_zero": -3,
        "y_zero": 5,
        "low": -128,
        "high": 127,
    }
    base = conv(RNG.integers(-127, 128, (CHANNELS, 3, 3, 4)), RNG.integers(-999, 999, CHANNELS))
    return program(base.replace(fields=fields), shape=(5, 5, 4), datapath=TFLITE)


def test_one_multiplier_in_many_registers() -> None:
    real = Fraction(3, 1 << 40) * (1 << 29)
    fields = refilled({"multiplier": 3 << 29, "left_shift": 0, "shift": 9, "low": 3}, TFLITE, SINGLE)
    assert fields["low"] == 3
    assert (fields["multiplier"], fields["shift"]) == (3 << 29, 40)
    for other in (SINGLE, TOSA):
        there = refilled({"multiplier": 3 << 29, "left_shift": 0, "shift": 9}, TFLITE, other)
        assert real_of({k: v for k, v in there.items() if k in other.scale.parts}, other) == real
    assert real_of({"multiplier": 3 << 29, "left_shift": 2, "shift": 0}, TFLITE) == Fraction(3 << 29, 1 << 29)
    assert refilled({"low": 3}, TFLITE, SINGLE) == {"low": 3}


def test_presets_that_fill_alike_keep_their_registers() -> None:
    assert filled_alike(WES, load_datapath("wes_npu_multiplier31"))
    assert not filled_alike(TFLITE, SINGLE)
    program = made()
    same = translated(program, load_datapath("tflite"))
    assert same.steps == program.steps


def test_tflite_with_one_rounding_differs_in_few_accumulators() -> None:
    report = equivalence(TFLITE, SINGLE, made())
    assert report.domain is Domain.REACHABLE
    (unit,) = report.units
    every = list(report.counterexamples(unit))
    assert len(every) == len(unit.channels) > 0
    assert all(abs(one.left - one.right) == 1 for one in every)
    assert 0 < report.differing < report.values / 1000
    told = [c.text for one in report.explanations for changes in one.changes for c in changes]
    assert "pipelines.mac.result[3]: shifts together with stage 2, one rounding" in told


def test_a_datapath_of_one_multiplier_a_layer_cannot_hold_many() -> None:
    with pytest.raises(InputError, match="one register per layer"):
        translated(made(), WES)
