"""Activations wider than the multiplier: digits in passes of their own, bit for bit one wide multiplier."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import npusim
from npusim import reference
from npusim.analysis import prove
from npusim.datapath import load_datapath
from npusim.datapath.load import change_datapath
from npusim.errors import InputError
from npusim.input_codes import to_codes
from npusim.steps.digit import DigitStep
from npusim.vectors import verify, write_vectors
from tests.compiler.networks import images, residual
from tests.compiler.test_residual_expansion import recipe
from tests.simulator.spec_network import spec_network

DIGITS = load_datapath("wes_npu_rex_act16")
WHOLE = change_datapath(
    DIGITS, {"mac.expansion": {"orders": 4, "form": "shared_accumulator", "max_shift": 8}}, "whole"
)
SUBTRACT = {"mac.zero_point": "subtract"}


@pytest.mark.parametrize("changes", [{}, SUBTRACT], ids=["folded", "subtract"])
def test_two_passes_of_digits_are_one_pass_of_a_wide_multiplier(changes: Any) -> None:
    narrow, wide = (change_datapath(one, changes, one.name) for one in (DIGITS, WHOLE))
    one = npusim.compile(residual(), wide, "wes", images(8))
    two = npusim.compile(residual(), narrow, "wes", images(8))
    assert [step.kind for step in one.steps].count("mac") == 4
    assert [step.kind for step in two.steps].count("accumulate") == 8
    results = [npusim.simulate(program, images(8)).outputs["head"].tolist() for program in (one, two)]
    assert results[0] == results[1]
    assert two.macs == 2 * one.macs


def test_a_tensor_that_several_layers_read_is_taken_apart_once() -> None:
    program = npusim.compile(residual(), DIGITS, "wes", images(8))
    names = [step.name for step in program.steps if isinstance(step, DigitStep)]
    assert len(names) == len(set(names)) == 8


@pytest.mark.parametrize("total", [None, 3])
def test_a_whole_program_equals_the_spec(total: int | None) -> None:
    program = npusim.compile(residual(), DIGITS, recipe(total_order=total), images(8))
    taps = [f"{step.name}:output" for step in program.steps]
    result = npusim.simulate(program, images(1), taps=taps)
    codes = to_codes(program, images(1))
    expected = spec_network(program, {name: batch[0] for name, batch in codes.items()})
    for step in program.steps:
        found = result.taps[step.name]["output"][0]
        assert found.tolist() == expected.tensors[step.output].tolist(), step.name
    passes = [step for step in program.steps if step.kind == "accumulate"]
    assert len(passes) == 4 * (4 if total is None else 3)
    report = prove(program)
    assert not report.overflow_possible
    for name, values in expected.tensors.items():
        assert int(values.min()) in report.codes[name]
        assert int(values.max()) in report.codes[name]


def test_a_second_order_helps_wide_inputs_even_without_its_lowest_product() -> None:
    real = reference.run(residual(), images(16))["head"]

    def error(orders: int, total: int | None = None) -> float:
        made = npusim.compile(residual(), DIGITS, recipe(orders=orders, total_order=total), images(16))
        return float(np.square(npusim.simulate(made, images(16)).dequantized["head"] - real).mean())

    assert max(error(2), error(2, 3)) < error(1) / 10


def test_vectors_verify(tmp_path: Path) -> None:
    program = npusim.compile(residual(), DIGITS, "wes", images(8))
    write_vectors(program, images(1), tmp_path, sample_pixels=4)
    verify(tmp_path)


def test_a_mac_step_cannot_read_wide_codes() -> None:
    program = npusim.compile(residual(), WHOLE, "wes", images(8))
    with pytest.raises(InputError) as caught:
        npusim.simulate(program, images(1), datapath=DIGITS)
    assert "reads digits" in str(caught.value)


def test_a_layer_of_more_passes_than_the_datapath_sums_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        npusim.compile(residual(), DIGITS, recipe(orders=3), images(8))
    assert caught.value.allowed == "mac.expansion.orders: 6"
