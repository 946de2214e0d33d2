"""Proofs of residual passes: ranges that are reached and never left, against enumeration."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

import npusim
from npusim.analysis import legality, prove, replay
from npusim.analysis.bounds import Moment
from npusim.analysis.rescale_proof import prove_rescales
from npusim.datapath import load_datapath
from npusim.datapath.load import change_datapath
from npusim.program import Program
from npusim.steps.accumulate import AccumulateStep
from npusim.steps.base import TensorType
from npusim.steps.mac import MacOperation
from tests.compiler.networks import images
from tests.compiler.networks import residual as network
from tests.simulator.spec_mac import spec_sums

REX = load_datapath("wes_npu_rex")
NARROW = {"activation.bits": 2, "fields.x_zero.bits": 2, "fields.y_zero.bits": 2, "fields.low.bits": 2}
TOY: dict[str, Any] = {**NARROW, "fields.high.bits": 2, "mac.lanes": 2}


def toy(place: str) -> npusim.Datapath:
    """Two-bit activations, two lanes, and only the pipelines that a pass needs."""
    only = REX.replace(pipelines={"mac": REX.pipelines["mac"]})
    return change_datapath(only, {**TOY, "mac.bias.place": place}, "toy")


def two_passes(datapath: npusim.Datapath, bits: int = 2) -> Program:
    """Three inputs, two outputs: a pass, and one on top of it, shifted by 2."""
    shared: dict[str, Any] = {"operation": MacOperation.DENSE, "fields": {"x_zero": 1}}
    first = AccumulateStep(
        name="first",
        inputs=("x",),
        output="sums",
        weights=np.array([[3, -2, 1], [0, 5, -4]], np.int8),
        bias=np.array([7, -3]),
        **shared,
    )
    second = AccumulateStep(
        name="second",
        inputs=("x", "sums"),
        output="y",
        weights=np.array([[-7, -6, 3]], np.int8),
        rows=np.array([0]),
        bias=np.array([-20, 11]),
        shift=2,
        **shared,
    )
    tensors = {"x": TensorType(shape=(3,), bits=bits)}
    for step in (first, second):
        tensors[step.output] = step.output_type([tensors[name] for name in step.inputs], datapath)
    return Program(
        name="toy",
        input_names=("x",),
        output_names=("y",),
        tensors=tensors,
        steps=(first, second),
        datapath=datapath,
    )


@pytest.mark.parametrize("place", ["preload", "late"])
def test_ranges_of_passes_are_those_of_an_enumeration(place: str) -> None:
    datapath = toy(place)
    made = two_passes(datapath)
    second = prove(made).step("second").reachable
    first, last = made.ordered_steps
    assert isinstance(first, AccumulateStep)
    assert isinstance(last, AccumulateStep)
    seen = []
    for codes in product(range(-2, 2), repeat=3):
        x = np.array(codes)
        partial = np.array([one.value for one in spec_sums(first, x, datapath)])
        seen.append(spec_sums(last, x, datapath, partial, 2))
    for channel in range(2):
        finals = [run[channel].value for run in seen]
        assert int(second.low(Moment.FINAL)[channel]) == min(finals)
        assert int(second.high(Moment.FINAL)[channel]) == max(finals)
        # the shift is a write too; the spec's extremes begin behind the loads
        assert int(second.low(Moment.PREFIX)[channel]) <= min(run[channel].lowest for run in seen)
        assert int(second.high(Moment.PREFIX)[channel]) >= max(run[channel].highest for run in seen)


@pytest.mark.parametrize("place", ["preload", "late"])
def test_witnesses_of_passes_reach_their_ends(place: str) -> None:
    made = two_passes(toy(place))
    proof = prove(made).step("second")
    for channel in range(2):
        shown = replay(made, proof, channels=(channel,))
        found = npusim.simulate(shown.program, shown.images).outputs["y"][:, channel].tolist()
        ends = [proof.reachable.low(Moment.FINAL), proof.reachable.high(Moment.FINAL)]
        assert found == [one.value for one in shown.witnesses] == [int(end[channel]) for end in ends]
        shown = replay(made, proof, channels=(channel,), moment=Moment.PREFIX)
        result = npusim.simulate(shown.program, shown.images, taps=["first:output"], statistics="prefix")
        loads = [4 * int(value) for value in result.taps["first"]["output"][:, channel]]
        assert result.statistics is not None
        seen = result.statistics["second"].accumulator
        assert seen is not None
        reached = [one.value for one in shown.witnesses]
        assert all(value in loads or seen.lowest <= value <= seen.highest for value in reached)


def test_what_follows_an_overflow_can_be_anything() -> None:
    narrow = change_datapath(toy("preload"), {"mac.accumulator.bits": 4, "mac.bias.bits": 4}, "narrow")
    weights = [step.replace(bias=np.array([0, 0])) for step in two_passes(toy("preload")).steps]
    made = two_passes(toy("preload"))
    tensors = dict(made.tensors)
    for step in weights:
        tensors[step.output] = step.output_type([tensors[name] for name in step.inputs], narrow)
    report = prove(made.replace(steps=tuple(weights), tensors=tensors, datapath=narrow))
    assert report.step("first").overflow_possible
    assert report.step("second").reachable.hull(Moment.FINAL).low <= -8 * 4


@pytest.fixture(scope="module", params=["wes_npu_rex", "wes_npu_rex_multipliers"])
def program(request: pytest.FixtureRequest) -> Program:
    return npusim.compile(network(), request.param, recipe="rex", calibration=images(8))


def test_a_whole_network_keeps_to_its_proof(program: Program) -> None:
    report = prove(program)
    assert not report.overflow_possible
    result = npusim.simulate(program, images(8), taps=[f"{step.name}:output" for step in program.steps])
    for step in program.steps:
        values = result.taps[step.name]["output"].astype(np.int64)
        assert int(values.min()) in report.codes[step.output]
        assert int(values.max()) in report.codes[step.output]
    assert all(proof.first_wrong is None for proof in prove_rescales(program, report))


def test_a_datapath_without_passes_is_told_what_it_lacks(program: Program) -> None:
    found = {str(misfit.key).rpartition(".")[2] for misfit in legality(program, load_datapath("wes_npu"))}
    assert {"expansion"} <= found
