"""Emitted covergroups: each bin's expression is true of just those vectors that the coverage model says."""

from __future__ import annotations

import os
import random
import re
from collections.abc import Iterator
from functools import cache
from types import CodeType

import pytest

from npusim.coverage import PipelineUnit, PipelineVector, Report, Status, cover, pipeline_bins
from npusim.coverage.covergroups import bin_name, covergroups
from npusim.datapath import load_datapath
from npusim.datapath.operations import PipelineRole
from npusim.spec.events import Event
from tests.coverage.toys import toy

UNITS = [
    ("wes_npu", "mac", PipelineRole.RESULT),
    ("wes_npu", "concat", PipelineRole.OPERAND),
    ("tflite", "mac", PipelineRole.RESULT),
    ("tflite", "dense", PipelineRole.RESULT),
    ("tflite_int16", "table", PipelineRole.RESULT),
    ("tflite", "average_pool", PipelineRole.RESULT),
]
_SAMPLE = re.compile(r"^      if \((.*)\) cover_(\w+)\.sample\((\d+)\);$", re.MULTILINE)
_BIN = re.compile(r"^      (bins|ignore_bins) (\w+) = \{(\d+)\};$", re.MULTILINE)


@cache
def made(
    preset: str, operation: str, role: PipelineRole
) -> tuple[PipelineUnit, Report, str, tuple[PipelineVector, ...]]:
    unit = PipelineUnit(load_datapath(preset), operation, role)
    found = cover(unit)
    return unit, found.report, covergroups(unit, found.report), found.vectors


def samples(
    unit: PipelineUnit, vectors: tuple[PipelineVector, ...]
) -> Iterator[tuple[PipelineVector, dict[str, int]]]:
    """What the module would sample of vectors, and of neighbours of them."""
    rng = random.Random(0)
    for vector in rng.sample(vectors, min(len(vectors), 40)):
        for step in (0, rng.choice((-1, 1))):
            near = PipelineVector(vector.value + step, vector.fields)
            if unit.problem(near) is not None:
                continue
            seen = unit.observe(near)
            held = {f"v_field_{name}": value for name, value in near.fields.items() if isinstance(value, int)}
            for index, stage in enumerate(unit.stages):
                held[f"v_entering_{index}"] = seen.entering[index]
                held[f"v_exact_{index}"] = stage.exact(seen.entering[index], near.fields)[0]
                for event in Event:
                    held[f"v_event_{index}_{event}"] = int(event in seen.trace.events[index])
            yield near, held


def compiled(text: str) -> CodeType:
    """SystemVerilog's operators as Python's: literals lose their width, && and || their form."""
    plain = re.sub(r"\d+'sd(\d+)", r"\1", text).replace("1'b1", "True")
    assert re.fullmatch(r"(v_\w+|True|\d+|[ ()+%<>=-]|&&|\|\|)+", plain)
    return compile(plain.replace("&&", "and").replace("||", "or"), "bin", "eval")


@pytest.mark.parametrize("what", UNITS, ids=".".join)
def test_expressions_are_true_of_just_what_the_model_says(what: tuple[str, str, PipelineRole]) -> None:
    unit, _, text, vectors = made(*what)
    bins = pipeline_bins(unit)
    expressions = [(compiled(found), bins[int(index)]) for found, _, index in _SAMPLE.findall(text)]
    assert len(expressions) > 20
    hits = 0
    for vector, held in samples(unit, vectors):
        seen = unit.observe(vector)
        for expression, one in expressions:
            wanted = one.hit(unit, seen)
            assert bool(eval(expression, {}, held)) == wanted, (one.name, vector)
            hits += wanted
    assert hits > 50


@pytest.mark.parametrize("what", UNITS, ids=".".join)
def test_every_bin_stands_there_once_and_unreachable_ones_are_ignored(
    what: tuple[str, str, PipelineRole],
) -> None:
    _, report, text, _ = made(*what)
    found = {name: (kind, int(index)) for kind, name, index in _BIN.findall(text)}
    assert len(found) == len(_BIN.findall(text)) == len(report.outcomes)
    sampled = {int(index) for _, _, index in _SAMPLE.findall(text)}
    for index, outcome in enumerate(report.outcomes):
        ignored = outcome.status is Status.UNREACHABLE
        assert found[bin_name(outcome.name)] == ("ignore_bins" if ignored else "bins", index)
        assert (index in sampled) != ignored


def test_numbers_fit_the_width() -> None:
    """No literal has more digits than its width holds; sums of two still fit."""
    _, _, text, _ = made(*UNITS[0])
    width = int(re.findall(r"typedef logic signed \[(\d+):0\] wide_t;", text)[0]) + 1
    literals = re.findall(r"(\d+)'sd(\d+)", text)
    assert {int(bits) for bits, _ in literals} == {width}
    assert max(int(value) for _, value in literals) < 1 << width - 3


@pytest.mark.parametrize("what", UNITS, ids=".".join)
def test_a_systemverilog_front_end_accepts_them(what: tuple[str, str, PipelineRole]) -> None:
    if os.environ.get("CI", "").lower() != "true":
        pytest.importorskip("pyslang", reason="part of the extra oracles")
    import pyslang

    compilation = pyslang.ast.Compilation()
    compilation.addSyntaxTree(pyslang.syntax.SyntaxTree.fromText(made(*what)[2]))
    assert [str(problem.code) for problem in compilation.getAllDiagnostics()] == []
    broken = made(*what)[2].replace("covergroup", "covergruop", 1)
    other = pyslang.ast.Compilation()
    other.addSyntaxTree(pyslang.syntax.SyntaxTree.fromText(broken))
    assert len(other.getAllDiagnostics()) > 0


def test_a_toys_reachable_bins_are_those_sampled() -> None:
    unit = PipelineUnit(toy(), "mac")
    report = cover(unit).report
    text = covergroups(unit, report)
    assert len(_SAMPLE.findall(text)) == report.counts[Status.HIT]
