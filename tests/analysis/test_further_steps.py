"""Proofs and legality of programs with steps beyond the backbone, against what runs of them show."""

from __future__ import annotations

import pytest

import npusim
from npusim.analysis import legality
from npusim.analysis.proof import prove
from npusim.datapath import load_datapath
from npusim.network import Network
from npusim.program import Program
from tests.compiler.test_further_layers import IMAGES, attention, decoder


@pytest.fixture(scope="module", params=[decoder, attention], ids=lambda make: make.__name__)
def program(request: pytest.FixtureRequest) -> Program:
    network: Network = request.param()
    return npusim.compile(network, "wes_npu", recipe="wes", calibration=IMAGES)


def test_no_run_leaves_the_proven_codes(program: Program) -> None:
    proof = prove(program)
    result = npusim.simulate(program, IMAGES, taps=[f"{step.name}:output" for step in program.steps])
    for step in program.steps:
        codes = result.taps[step.name]["output"]
        assert int(codes.min()) in proof.codes[step.output]
        assert int(codes.max()) in proof.codes[step.output]
    assert not proof.overflow_possible


def test_a_table_is_one_register_of_a_layer(program: Program) -> None:
    assert legality(program, load_datapath("wes_npu_floor")) == ()


def test_a_pipeline_that_lacks_is_told(program: Program) -> None:
    whole = load_datapath("wes_npu")
    used = {"mac"} | ({"resize", "table"} if "wide" in program.tensors else set())
    poor = whole.replace(pipelines={name: whole.pipelines[name] for name in used})
    found = {misfit.step for misfit in legality(program, poor)}
    assert found == (
        {"squeeze", "gated", "most", "difference", "act"} if "table" in used else {"scores", "mean"}
    )
