"""The speed tool: how it measures, and who is said to give the same bits."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import npusim
from npusim.demo import bundled, load_images
from npusim.input_codes import to_codes
from npusim.kernels import isa
from npusim.kernels.emit.rescale import Form
from npusim.kernels.emit.tile_once import FORMS
from npusim.kernels.isa import InstructionSet
from npusim.program import Program
from tests.oracles import tosa

sys.path.insert(0, str(Path(__file__).parent.parent))

from tools import ordered_speed, peak, speed_memory, speed_plot, speed_steps, tosa_layers
from tools.peak import Peaks
from tools.speed_field import Contender, same_bits
from tools.timing import Ratio, table, turns


@pytest.fixture(scope="module")
def program() -> Program:
    calibration, _ = load_images("digits_calibration.h5")
    return npusim.compile(npusim.load_network(bundled("digits_rescaled.yaml")), "wes_npu", "wes", calibration)


def test_all_take_turns_and_the_first_two_do_not_count() -> None:
    """What is timed lies between two looks at the clock, right behind a run that does not count."""
    order: list[str] = []

    def clock() -> float:
        order.append("clock")
        return float(len(order))

    seconds = turns({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, 3, clock)
    both = [each for name in "ab" for each in (name, "clock", name)]
    counted = [each for name in "ab" for each in (name, "clock", name, "clock")]
    assert order == both * 2 + counted * 3
    assert [found.tolist() for found in seconds.values()] == [[2.0] * 3] * 2


def test_a_ratio_is_taken_turn_by_turn() -> None:
    """A machine that slows down in the middle does not show."""
    ours, other = np.array([1.0, 1.0, 8.0, 8.0]), np.array([2.0, 2.0, 16.0, 24.0])
    assert Ratio.of(other, ours) == Ratio(2.0, 2.0, 2.25)
    assert str(Ratio.of(other, ours)) == "2.00 (2.00 .. 2.25)"


def test_a_table() -> None:
    assert table(["a", "b"], [[1, "x"]]) == ["| a | b |", "|---|---|", "| 1 | x |"]


def test_steps_and_memory_of_a_program(program: Program) -> None:
    macs = sum(step.kind == "mac" for step in program.steps)
    peaks = Peaks({"FMA": 50.0, "VNNI": 100.0}, {Form.HALVES: 10.0})
    others = [
        Contender("theirs", lambda: None, "", layers=(1.5,) * macs),
        Contender("another", lambda: None, "", layers=(1.5,)),  # of another number of layers
    ]
    lines, points = speed_steps.layers(program, 1, peaks, others)
    assert len(lines) == 2 + len(program.steps) + 1
    assert all(step.name in line for step, line in zip(program.ordered_steps, lines[2:], strict=False))
    assert "theirs, us" in lines[0]
    assert "another" not in lines[0]
    assert sum("| 1500000 |" in line for line in lines) == macs
    assert len(points) == macs
    assert all(point["rate"] > 0 for point in points)


def test_peaks_are_measured_on_what_kernels_are_made_of() -> None:
    peaks = peak.measure()
    assert all(0.1 < rate < 10_000 for rate in (*peaks.macs.values(), *peaks.codes.values()))
    known = isa.selected() is InstructionSet.AVX512_VNNI
    assert (peaks.vnni > 0, set(peaks.codes)) == (known, set(FORMS) if known else set())


def test_what_a_layer_takes_at_both_peaks() -> None:
    peaks = Peaks({"VNNI": 100.0}, {Form.HALVES: 10.0})
    assert peaks.least_seconds(10**9, 10**8, Form.HALVES) == pytest.approx(0.02)
    assert peaks.least_seconds(10**9, 10**8, Form.HIGH_SIGNED) is None
    assert Peaks({}, {Form.HALVES: 10.0}).least_seconds(10**9, 10**8, Form.HALVES) is None


def test_memory_of_a_program(program: Program) -> None:
    workspace, _, process = speed_memory.memory(program)
    assert "times" in workspace
    loaded, first, later = (int(word) for word in process.split() if word.isdigit() and word != "20")
    assert 20 < loaded < first <= later < 2000


def test_the_plot_is_the_same_twice(tmp_path: Path) -> None:
    points = [{"kind": "conv2d", "intensity": 3.0, "rate": 100.0}]
    sizes = [{"kernel": 1, "side": 14, "channels": 64, "rate": 90.0}]
    for name in ("one.svg", "two.svg"):
        speed_plot.draw(tmp_path / name, {"net": {"other": 2.0}}, points, sizes, {"FMA": 50.0, "VNNI": 200.0})
    made = (tmp_path / "one.svg").read_bytes()
    assert made == (tmp_path / "two.svg").read_bytes()
    for label in (b"other", b"conv2d", b"peak, VNNI", b"1x1, by side"):
        assert label in made


def test_every_operand_type_takes_the_ordered_path(monkeypatch: pytest.MonkeyPatch) -> None:
    small = ordered_speed.Layer("small", 6, 4, 5, 3)
    monkeypatch.setattr(ordered_speed, "LAYERS", (small, replace(small, inputs=5, depthwise=True)))
    lines = ordered_speed.rates(1)
    assert len(lines) == 2 + 2 * len(ordered_speed.TYPES)
    assert all(line.count("|") == 3 + len(ordered_speed.COLUMNS) for line in lines)


def test_convolutions_in_the_tosa_model_have_our_bits(program: Program) -> None:
    tosa.require_tosa()
    images, _ = load_images("digits_calibration.h5")
    image = {name: codes[:1] for name, codes in to_codes(program, images).items()}
    (found,) = tosa_layers.contenders(program, image)
    assert found.bits == "yes"
    assert found.outside is not None
    assert found.outside() != 0.0
    assert "convolutions alone" in found.name


def test_who_has_the_same_bits() -> None:
    codes = np.array([[-128, 127]], np.int8)
    assert same_bits(codes.reshape(-1), codes) == "yes"
    assert same_bits(np.array([127, 127], np.int8), codes) == "no: up to 255 codes"
