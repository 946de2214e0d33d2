"""What prompts and notebooks show."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

import npusim
from npusim.analysis import prove
from npusim.evaluate import evaluate
from tests.cli.files import LABELS, NETWORK, PROGRAM
from tests.compiler.networks import images
from tests.report.test_page import Parsed

RESULT = npusim.simulate(PROGRAM, images(), taps=["conv"], statistics=True)
PROOF = prove(PROGRAM)
EVALUATION = evaluate(NETWORK, PROGRAM, [(images(), LABELS)])
SHOWN = {
    "network": (NETWORK, "<Network net: 5 layers (", ["relu", "(6, 6, 3)", "(3,)"]),
    "program": (
        PROGRAM,
        "<Program net: 5 steps, 3,900 MACs, compiled by wes for wes_npu>",
        ["conv", "3,888"],
    ),
    "datapath": (PROGRAM.datapath, "<Datapath wes_npu: int8 MAC array", ["MAC COLUMN", "half_up"]),
    "result": (
        RESULT,
        "<Result head int8 (4, 3); taps of conv; statistics of 5 steps>",
        ["conv:accumulator"],
    ),
    "proof": (PROOF, "<ProofReport net on wes_npu: cannot overflow, at most ", ["impossible", "s32"]),
    "evaluation": (EVALUATION, "<Evaluation of 4 images: ", ["SQNR of head", "dB", "top-1"]),
}


@pytest.mark.parametrize("name", SHOWN)
def test_one_line_and_one_table(name: str) -> None:
    found, line, words = SHOWN[name]
    assert repr(found).startswith(line)
    assert "\n" not in repr(found)
    assert len(repr(found)) < 200
    shown = Parsed(found._repr_html_())
    for word in words:
        assert word in shown.text
    assert "script" not in shown.tags


@pytest.mark.parametrize("name", ["network", "program", "datapath"])
def test_printing_is_short_too(name: str) -> None:
    found: Any = SHOWN[name][0]
    assert str(found) == repr(found) == f"{found}"


def test_notes_are_escaped() -> None:
    attacked = PROGRAM.replace(notes=("<img src=x onerror=alert(1)>",))
    assert "img" not in Parsed(attacked._repr_html_()).tags


def test_a_result_without_statistics_shows_its_arrays() -> None:
    bare = replace(RESULT, _statistics=None, taps={})
    assert repr(bare) == "<Result head int8 (4, 3)>"
    assert "accumulator" not in bare._repr_html_()


def test_long_tables_are_cut_and_say_so() -> None:
    many = {f"step{i}": found for i in range(250) for found in [RESULT.statistics["conv"]]}  # type: ignore[index]
    assert "and 50 more" in replace(RESULT, _statistics=lambda: many)._repr_html_()
