"""Accumulate and rescale steps against the spec: passes that go on from partial sums, on every path."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import npusim
from npusim.datapath import load_datapath
from npusim.datapath.load import change_datapath
from npusim.errors import InputError
from npusim.program import Program, load_program
from npusim.spec.mac import Accumulation
from npusim.spec.pipeline import run
from npusim.spec.width import bits_for
from npusim.steps.accumulate import AccumulateStep
from npusim.steps.base import Step, TensorType
from npusim.steps.mac import MacOperation, MacStep
from npusim.steps.probe import Path
from npusim.steps.rescale import RescaleStep
from tests.simulator.draw import MacCase, codes, mac_cases
from tests.simulator.spec_mac import spec_sums

SEEN: set[Path | None] = set()
REX = load_datapath("wes_npu_rex")
EXPANSION = {"orders": 2, "form": "shared_accumulator", "max_shift": 8}


def passes(step: MacStep, seed: int, shift: int) -> list[Step]:
    """The step's sums, then some of its output channels once more on top of them, then codes."""
    rng = np.random.default_rng(seed)
    zeros = {name: value for name, value in step.fields.items() if name in {"x_zero", "weight_zero"}}
    shared: dict[str, Any] = {
        name: getattr(step, name) for name in ("operation", "stride", "dilation", "padding", "groups")
    }
    first = AccumulateStep(
        name="first",
        inputs=("x",),
        output="sums",
        weights=step.weights,
        bias=step.bias,
        fields=zeros,
        **shared,
    )
    rows = np.flatnonzero(rng.random(step.outputs) < 0.6)
    some = None if rows.size in {0, step.outputs} else rows
    second = AccumulateStep(
        name="second",
        inputs=("x", "sums"),
        output="more",
        weights=step.weights[::-1] if some is None else step.weights[some],
        bias=step.bias[::-1].copy(),
        rows=some,
        shift=shift,
        fields=zeros,
        **shared,
    )
    last = RescaleStep(
        name="codes",
        inputs=("more",),
        output="y",
        operation=step.operation,
        fields=step.fields,
        activation=step.activation,
    )
    return [first, second, last]


def program(steps: list[Step], shape: tuple[int, ...], datapath: npusim.Datapath) -> Program:
    activation = datapath.activation
    tensors = {"x": TensorType(shape=shape, bits=activation.bits, signed=activation.signed)}
    for step in steps:
        tensors[step.output] = step.output_type([tensors[name] for name in step.inputs], datapath)
    return Program(
        name="passes",
        input_names=("x",),
        output_names=("y",),
        tensors=tensors,
        steps=tuple(steps),
        datapath=datapath,
    )


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(mac_cases(), st.integers(0, 99), st.sampled_from([0, 1, 3, 8]))
def test_passes_equal_the_spec(case: MacCase, seed: int, shift: int) -> None:
    datapath = change_datapath(case.datapath, {"mac.expansion": EXPANSION}, "passes")
    shift = min(shift, 48 - datapath.mac.accumulator.bits)  # of what is held between passes
    first, second, last = passes(case.step, seed, shift)
    assert isinstance(first, AccumulateStep)
    assert isinstance(second, AccumulateStep)
    assert isinstance(last, RescaleStep)
    made = program([first, second, last], case.x.shape[1:], datapath)
    sums = [spec_sums(first, image.astype(np.int64), datapath) for image in case.x]
    partial = [np.array([one.value for one in part]) for part in sums]
    more = [
        spec_sums(second, image.astype(np.int64), datapath, held, shift)
        for image, held in zip(case.x, partial, strict=True)
    ]
    for mode in ("events", "prefix"):
        result = npusim.simulate(made, case.x, taps=["first", "second", "codes:*"], statistics=mode)
        assert result.statistics is not None
        for name, expected in (("first", sums), ("second", more)):
            values = [one.value for part in expected for one in part]
            assert result.taps[name]["accumulator"].ravel().tolist() == values
            SEEN.add(result.statistics[name].path)
            check_overflows(
                result.statistics[name], [one for part in expected for one in part], datapath, mode
            )
        expected_codes = [
            rescaled(last, one.value, i, datapath) for part in more for i, one in enumerate(part)
        ]
        assert result.outputs["y"].ravel().tolist() == expected_codes
    assert npusim.simulate(made, case.x, threads=1).outputs["y"].ravel().tolist() == expected_codes


def check_overflows(found: Any, every: list[Accumulation], datapath: npusim.Datapath, mode: str) -> None:
    register, record = datapath.mac.accumulator.register, found.accumulator
    assert record.final_overflows == sum(made.leaves(register) for made in every)
    if mode == "prefix":
        assert record.prefix_overflows == sum(made.overflows for made in every)
        assert record.lowest == min(made.lowest for made in every)
        assert record.highest == max(made.highest for made in every)
    if found.path in {Path.FAST_32, Path.FAST_64}:
        assert not any(made.overflows for made in every)


def rescaled(step: RescaleStep, value: int, index: int, datapath: npusim.Datapath) -> int:
    channel = index % len(np.atleast_1d(step.fields["multiplier"]))
    fields = {name: int(np.atleast_1d(v)[channel * (np.size(v) > 1)]) for name, v in step.fields.items()}
    return run(step.stages(datapath), value, {**fields, "activation": int(step.activation.bounds)}).result


def test_every_path_was_taken() -> None:
    assert {Path.FAST_32, Path.WRAPPED, Path.ORDERED} <= SEEN


def test_two_four_bit_passes_are_one_pass_of_eight_bit_weights() -> None:
    """The shared accumulator with a ratio of 16: ``16 * R1 + R2`` is a weight of its own."""
    rng = np.random.default_rng(3)
    high, low = (
        codes(rng, npusim.load_datapath("wes_npu").weight.interval, (5, 3, 3, 4)) % 15 - 7 for _ in "12"
    )
    parts = {
        "operation": MacOperation.CONV2D,
        "padding": ((1, 1), (1, 1)),
        "fields": {"x_zero": 3},
    }
    bias = rng.integers(-999, 999, 5)
    narrow = {"weights": high.astype(np.int8), "bias": np.zeros(5, np.int64)}
    first = AccumulateStep(name="a", inputs=("x",), output="a", **narrow, **parts)
    rest = {"weights": low.astype(np.int8), "bias": bias, "shift": 4}
    second = AccumulateStep(name="b", inputs=("x", "a"), output="b", **rest, **parts)
    fields = {"multiplier": 40000, "shift": 26, "inverse_shift": 0, "y_zero": -7, "low": -128, "high": 127}
    last = RescaleStep(name="c", inputs=("b",), output="y", operation=MacOperation.CONV2D, fields=fields)
    whole = MacStep(
        name="mac",
        inputs=("x",),
        output="y",
        weights=(16 * high + low).astype(np.int8),
        bias=bias,
        **{**parts, "fields": {**fields, "x_zero": 3}},
    )
    x = codes(rng, REX.activation.interval, (3, 6, 5, 4)).astype(np.int8)
    one, two = (program(steps, (6, 5, 4), REX) for steps in ([whole], [first, second, last]))
    assert npusim.simulate(one, x).outputs["y"].tolist() == npusim.simulate(two, x).outputs["y"].tolist()
    assert two.macs == 2 * one.macs


def test_the_tensor_between_passes_is_as_wide_as_any_codes_can_make_it() -> None:
    weights = np.array([[7, -7, 7]], np.int8)
    step = AccumulateStep(
        name="a",
        inputs=("x",),
        output="a",
        operation=MacOperation.DENSE,
        weights=weights,
        bias=np.zeros(1, np.int64),
        fields={"x_zero": 0},
    )
    made = step.output_type([TensorType(shape=(3,), bits=8)], REX)
    assert made.bits == bits_for(7 * (-128 - 127 - 128), 7 * (127 + 128 + 127))


def _dense(**changes: Any) -> AccumulateStep:
    content: dict[str, Any] = {
        "name": "a",
        "inputs": ("x",),
        "output": "y",
        "operation": MacOperation.DENSE,
        "weights": np.ones((2, 3), np.int8),
        "bias": np.zeros(2, np.int64),
        "fields": {"x_zero": 0},
    }
    return AccumulateStep(**{**content, **changes})


@pytest.mark.parametrize(
    ("changes", "datapath", "key"),
    [
        ({}, "wes_npu", "steps[0].mac.expansion"),
        ({"shift": 1}, "wes_npu_rex", "steps[0].shift"),
        ({"rows": np.array([0, 2])}, "wes_npu_rex", "rows"),
        ({"rows": np.array([1, 0])}, "wes_npu_rex", "rows"),
        ({"fields": {"x_zero": 0, "shift": 3}}, "wes_npu_rex", "steps[0].fields.shift"),
        ({"weights": np.full((2, 3), -128, np.int8)}, "wes_npu_rex", "steps[0].weights"),
    ],
)
def test_a_pass_that_the_datapath_cannot_do_is_refused(changes: Any, datapath: str, key: str) -> None:
    with pytest.raises(InputError) as caught:
        program([_dense(**changes)], (3,), load_datapath(datapath))
    assert caught.value.key == key


def test_beyond_the_greatest_shift() -> None:
    more = _dense(name="b", inputs=("x", "sums"), shift=9)
    with pytest.raises(InputError) as caught:
        program([_dense(output="sums"), more], (3,), REX)
    assert caught.value.key == "steps[1].shift"
    assert caught.value.allowed == "0..8"


def test_a_program_of_passes_comes_back_as_it_was(tmp_path: Any) -> None:
    case = _dense(output="sums")
    more = _dense(
        name="b", inputs=("x", "sums"), weights=np.ones((1, 3), np.int8), rows=np.array([1]), shift=3
    )
    made = program([case, more], (3,), REX)
    made.save(tmp_path / "p.yaml")
    assert load_program(tmp_path / "p.yaml") == made
