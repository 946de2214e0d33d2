"""The conformance tool: what it makes of a suite; slow, since the suite is generated."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from npusim.importers.tosa.registry import converters
from npusim.importers.tosa.schema import OPERATIONS
from tests.oracles.tosa import require_tosa
from tools.tosa_conformance import Outcome, conformance, listed, page, table
from tools.tosa_suite import SuiteTest, Tools, found_tests


def test_what_is_listed_is_what_the_importer_lacks() -> None:
    operators = {operator for operator, _ in listed()}
    assert operators <= set(OPERATIONS)
    assert operators.isdisjoint(converters())
    assert all(listed().values())


def test_the_page_holds_the_table() -> None:
    counts = {
        ("ADD", "INT32 -> INT32"): Counter({Outcome.PASSED: 11, Outcome.REJECTED: 5}),
        ("ABS", "INT32 -> INT32"): Counter({Outcome.NOT_SUPPORTED: 3}),
    }
    assert list(table(counts)) == [
        "| operator | types | passed | rejected | not supported | failed |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
        "| ABS | INT32 -> INT32 | 0 | 0 | 3 | 0 |",
        "| ADD | INT32 -> INT32 | 11 | 5 | 0 | 0 |",
        "| **all** | | **11** | **5** | **3** | **0** |",
    ]
    text = "\n".join(page(counts))
    assert "\n".join(table(counts)) in text
    assert all(f"| {operator} | {types} |" in text for operator, types in listed())


@pytest.mark.slow
def test_a_part_of_the_suite(tmp_path: Path) -> None:
    tools = Tools(Path(require_tosa()))
    tools.generate(tmp_path, ["sub", "abs", "max_pool2d"])
    found = list(found_tests(tmp_path, ["sub", "abs"]))
    counts, wrong = conformance(found, tools)
    assert wrong == []
    assert counts["SUB", "INT32 -> INT32"][Outcome.PASSED] >= 10
    assert counts["ABS", "INT32 -> INT32"][Outcome.NOT_SUPPORTED] >= 10
    # An expected result that is not what the graph computes is noticed.
    broken = next(test for test in found if test.operator == "SUB" and not test.refused)
    expected = broken.folder / broken.description["ofm_file"][0]
    content = bytearray(expected.read_bytes())
    content[-1] ^= 1
    expected.write_bytes(content)
    counts, (complaint,) = conformance([SuiteTest(broken.folder)], tools)
    assert counts["SUB", "INT32 -> INT32"] == Counter({Outcome.FAILED: 1})
    assert "1 of" in complaint
