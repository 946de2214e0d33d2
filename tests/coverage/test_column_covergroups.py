"""Covergroups of MAC columns: the emitted expressions, run write by write, against the coverage model."""

from __future__ import annotations

import os
import random
import re
from types import CodeType

import pytest

from npusim.coverage import ColumnUnit, ColumnVector, Status, cover_column
from npusim.coverage.column_bins import column_bins
from npusim.coverage.column_covergroups import column_covergroup
from npusim.coverage.covergroups import bin_name
from npusim.datapath import load_datapath
from npusim.datapath.load import change_datapath
from tests.coverage.toys import toy

WES = load_datapath("wes_npu")
_SAMPLE = re.compile(r"^      if \((.*)\) cover_column\.sample\((\d+)\);$", re.MULTILINE)
_BIN = re.compile(r"^      (bins|ignore_bins) (\w+) = \{(\d+)\};$", re.MULTILINE)
_ALONE = re.compile(r"^      if \((.*)\) begin products = .* alone_lane = (\d+); end$", re.MULTILINE)

UNITS = {
    "wes_npu": ColumnUnit(WES, 2),
    "subtract": ColumnUnit(load_datapath("wes_npu_subtract"), 2),
    "late": ColumnUnit(
        change_datapath(
            WES,
            {
                "mac.lanes": 2,
                "mac.bias": {"bits": 20, "place": "late"},
                "mac.accumulator": {"bits": 18, "overflow": "saturate"},
                "mac.tree": {"bits": 15, "overflow": "wrap"},
            },
            "late",
        ),
        2,
    ),
    "toy": ColumnUnit(toy(), 3),
}


def compiled(text: str) -> CodeType:
    """SystemVerilog's operators as Python's."""
    plain = (
        re.sub(r"\d+'sd(\d+)", r"\1", text).replace("1'b1", "True").replace("!=", "<>").replace("!", " not ")
    )
    plain = plain.replace("<>", "!=").replace("&&", " and ").replace("||", " or ")
    return compile(plain.strip(), "bin", "eval")


def hits(unit: ColumnUnit, text: str, vector: ColumnVector) -> set[int]:
    """The bins that the module would sample for one output."""
    expressions = [(compiled(found), int(index)) for found, index in _SAMPLE.findall(text)]
    alone = [(compiled(found), int(lane)) for found, lane in _ALONE.findall(text)]
    (tree_fits,), (fits,) = (
        re.findall(rf"^      {name} = (.*);$", text, re.MULTILINE) for name in ("tree_fits", "fits")
    )
    found = set()
    state = {"write": -1, "clean": True, "products": 0, "alone_beat": -1, "alone_lane": -1}
    state |= {f"v_{name}": getattr(vector, name) for name in ("bias", "x_zero", "weight_zero")}
    writes = unit.observe(vector)
    for place, made in enumerate(writes):
        late = place == unit.beats
        codes = (vector.activations[place], vector.weights[place]) if not late else ([0] * unit.lanes,) * 2
        for lane in range(unit.lanes):
            state[f"v_x_{lane}"], state[f"v_w_{lane}"] = codes[0][lane], codes[1][lane]
        state |= {"write": place, "late": late, "last": place + 1 == len(writes)}
        state |= {"v_exact": made.exact, "v_tree_exact": made.tree_exact}
        state["tree_fits"] = eval(compiled(tree_fits), {}, state)
        for makes, lane in alone:
            if eval(makes, {}, state):
                state |= {"products": state["products"] + 1, "alone_beat": place, "alone_lane": lane}
        found |= {index for expression, index in expressions if eval(expression, {}, state)}
        state["clean"] = state["clean"] and eval(compiled(fits), {}, state) and state["tree_fits"]
    return found


@pytest.mark.parametrize("name", UNITS)
def test_the_module_samples_just_the_bins_of_the_model(name: str) -> None:
    unit = UNITS[name]
    solved = cover_column(unit)
    text = column_covergroup(unit, solved.report)
    bins = column_bins(unit)
    chosen = random.Random(0).sample(solved.vectors, min(25, len(solved.vectors)))
    seen: set[int] = set()
    for vector in chosen:
        writes = unit.observe(vector)
        wanted = {index for index, one in enumerate(bins) if one.hit(unit, vector, writes)}
        assert hits(unit, text, vector) == wanted
        seen |= wanted
    assert len(seen) > len(chosen)


@pytest.mark.parametrize("name", UNITS)
def test_every_bin_stands_there_and_a_front_end_accepts_it(name: str) -> None:
    unit = UNITS[name]
    report = cover_column(unit).report
    text = column_covergroup(unit, report)
    found = {bin_: kind for kind, bin_, _ in _BIN.findall(text)}
    assert len(found) == len(report.outcomes)
    for outcome in report.outcomes:
        ignored = outcome.status is Status.UNREACHABLE
        assert found[bin_name(outcome.name)] == ("ignore_bins" if ignored else "bins")
    if os.environ.get("CI", "").lower() != "true":
        pytest.importorskip("pyslang", reason="part of the extra oracles")
    import pyslang

    compilation = pyslang.ast.Compilation()
    compilation.addSyntaxTree(pyslang.syntax.SyntaxTree.fromText(text))
    assert [str(problem.code) for problem in compilation.getAllDiagnostics()] == []
