"""Whole networks: every tensor and accumulator is what the spec computes in plain integers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import npusim
from npusim.datapath import Datapath, load_datapath
from npusim.datapath.load import change_datapath
from npusim.program import Program
from npusim.steps.mac import MacStep
from tests.simulator.programs import WES, batch, compiled
from tests.simulator.spec_network import spec_network

PRESETS = [
    "wes_npu",
    "wes_npu_half_even",
    "wes_npu_toward_zero",
    "wes_npu_shift_before_multiply",
    "wes_npu_shift_after_rounding",
    "wes_npu_acc24_wrap",
]
NARROW: dict[str, dict[str, Any]] = {
    "saturating at 16": {"mac.accumulator": {"bits": 16, "overflow": "saturate"}, "mac.bias.bits": 16},
    "wrapping at 16": {"mac.accumulator": {"bits": 16, "overflow": "wrap"}, "mac.bias.bits": 16},
    "a narrow tree": {"mac.tree": {"bits": 12, "overflow": "saturate"}, "mac.lanes": 4},
}


def check(program: Program, datapath: Datapath | None = None) -> npusim.Result:
    """Run two images by both and compare everything that can be recorded."""
    taps = [f"{step.name}:output" for step in program.steps]
    taps += [f"{step.name}:accumulator" for step in program.steps if isinstance(step, MacStep)]
    bytes_ = batch(2, seed=5)
    result = npusim.simulate(program, bytes_, taps=taps, statistics=True, threads=1, datapath=datapath)
    codes = {name: program.real.byte_tables[name] for name in program.input_names}
    for image in range(2):
        inputs = {n: codes[n][np.arange(3), bytes_[n][image]] for n in program.input_names}
        expected = spec_network(program, inputs, datapath)
        for step in program.steps:
            output = result.taps[step.name]["output"][image]
            np.testing.assert_array_equal(output, expected.tensors[step.output], err_msg=step.name)
        for name, values in expected.accumulators.items():
            np.testing.assert_array_equal(result.taps[name]["accumulator"][image], values, err_msg=name)
        for name, outputs in result.outputs.items():
            np.testing.assert_array_equal(outputs[image], expected.tensors[name])
    return result


@pytest.mark.parametrize("preset", PRESETS)
def test_presets(preset: str) -> None:
    check(compiled("wes", preset))


@pytest.mark.parametrize("recipe", ["layerwise", "per_channel"])
def test_recipes(recipe: str) -> None:
    check(compiled(recipe))


def test_a_zero_point_taken_off_at_the_mac() -> None:
    check(compiled("wes", "wes_npu_subtract"))


@pytest.mark.parametrize("name", NARROW)
def test_a_program_on_a_narrower_accumulator_than_it_was_compiled_for(name: str) -> None:
    result = check(compiled(), change_datapath(WES, {**NARROW[name]}, "narrow"))
    assert result.statistics is not None
    assert any(found.overflows for found in result.statistics.values())
    wide = npusim.simulate(compiled(), batch(2, seed=5))
    assert any((wide.outputs[name] != result.outputs[name]).any() for name in wide.outputs)


def test_subtracting_is_folding_where_nothing_overflows() -> None:
    """The compiler folds ``x_zero * sum(w)`` into biases; the MAC that subtracts gets the layer's own."""
    folded, subtracted = compiled(), compiled("wes", "wes_npu_subtract")
    biases = [
        (a.bias, b.bias)
        for a, b in zip(folded.steps, subtracted.steps, strict=True)
        if isinstance(a, MacStep) and isinstance(b, MacStep)
    ]
    assert any((a != b).any() for a, b in biases)
    x = batch(4, seed=9)
    for result in (npusim.simulate(p, x, statistics=True) for p in (folded, subtracted)):
        assert not any(found.overflows for found in (result.statistics or {}).values())
    one, two = npusim.simulate(folded, x), npusim.simulate(subtracted, x)
    for name in one.outputs:
        np.testing.assert_array_equal(one.outputs[name], two.outputs[name])


def test_a_program_carries_its_datapath_and_runs_on_another() -> None:
    program, other = compiled(), load_datapath("wes_npu_floor")
    own = npusim.simulate(program, batch(3))
    there = npusim.simulate(program, batch(3), datapath=other)
    assert any((own.outputs[name] != there.outputs[name]).any() for name in own.outputs)
    same = npusim.simulate(program.replace(datapath=other), batch(3))
    for name in own.outputs:
        np.testing.assert_array_equal(there.outputs[name], same.outputs[name])


def test_a_datapath_that_cannot_hold_the_program_is_refused_before_it_runs() -> None:
    small = load_datapath("wes_npu_inverse0")
    with pytest.raises(npusim.InputError) as caught:
        npusim.simulate(compiled(), batch(1), datapath=small)
    assert caught.value.key is not None
    assert caught.value.key.endswith("fields.inverse_shift")
    assert caught.value.key.startswith("steps[")
