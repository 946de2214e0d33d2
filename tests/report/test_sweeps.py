"""Sweeps in a report: what is drawn, what is said once, what stands in the table."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from npusim.report import SweepResults, load_sweep, render
from npusim.sweep.columns import LEADING, MEASURED, OUTCOME, TRAILING
from tests.report.reports import SWEEP, bare
from tests.report.test_page import Parsed

COLUMNS = (*LEADING, "bits", "rounding", *OUTCOME, *MEASURED, *TRAILING)


def table(*points: dict[str, object]) -> SweepResults:
    """A sweep's table as it is written, with what is not given the same for all points."""
    shared = dict.fromkeys(COLUMNS, "7") | {"status": "ok", "reason": "", "pareto": "0", "notes": ""}
    rows = tuple(
        tuple(str({**shared, "point": index, **point}[name]) for name in COLUMNS)
        for index, point in enumerate(points)
    )
    return SweepResults("swept", COLUMNS, rows)


def shown(results: SweepResults) -> Parsed:
    """The page of a report with this sweep."""
    return Parsed(render(replace(bare(), sweeps=(results,))))


def pictures(page: Parsed) -> list[str]:
    """What the sweep's pictures show."""
    labels = [value or "" for key, value in page.attributes if key == "aria-label"]
    return [label for label in labels if "against" in label or label in {"top1", "output_sqnr_db"}]


def test_quality_stands_against_each_axis_and_cost_that_says_something_new() -> None:
    results = table(
        {"bits": 16, "accumulator_bits": 16, "top1": 0.5, "weight_bytes": 100},
        {"bits": 18, "accumulator_bits": 18, "top1": 0.75, "weight_bytes": 100},
        {"bits": 16, "accumulator_bits": 16, "top1": 0.6, "weight_bytes": 120},
    )
    assert pictures(shown(results)) == ["top1 against bits", "top1 against weight_bytes"]


def test_a_share_and_a_ratio_are_both_drawn() -> None:
    results = table(
        {"bits": 16, "top1": 0.5, "agreement": 0.4, "output_sqnr_db": 3.0},
        {"bits": 18, "top1": 0.7, "agreement": 0.6, "output_sqnr_db": 9.0},
    )
    assert pictures(shown(results)) == ["top1 against bits", "output_sqnr_db against bits"]


def test_words_get_a_row_each() -> None:
    page = shown(table({"rounding": "floor", "top1": 0.5}, {"rounding": "half_even", "top1": 0.7}))
    assert pictures(page) == ["top1"]
    assert "half_even, top1 0.7" in page.text


def test_what_is_the_same_everywhere_is_said_once() -> None:
    page = shown(table({"bits": 16, "top1": 0.5}, {"bits": 18, "top1": 0.5}))
    assert "The same for all points: network 7, datapath 7, recipe 7, rounding 7" in page.text
    assert pictures(page) == []


def test_the_front_is_marked() -> None:
    page = shown(table({"bits": 16, "top1": 0.5, "pareto": 1}, {"bits": 18, "top1": 0.5}, {"top1": 0.6}))
    assert page.text.count("on the Pareto front.") == 1
    assert page.text.count(", on the Pareto front") == 1


def test_points_without_a_result_are_counted() -> None:
    assert "top1 against bits; 1 point without" in shown(SWEEP).text


@pytest.mark.parametrize("rows", [(), SWEEP.rows[:1]])
def test_a_sweep_that_has_hardly_begun_is_shown(rows: tuple[tuple[str, ...], ...]) -> None:
    assert "Points of widths" in shown(replace(SWEEP, rows=rows)).text


def test_the_folder_is_named_and_its_table_read(tmp_path: Path) -> None:
    folder = tmp_path / "night"
    folder.mkdir()
    (folder / "results.csv").write_text('point,recipe\n0,"a,\nb"\n', encoding="utf-8")
    assert load_sweep(folder) == SweepResults("night", ("point", "recipe"), (("0", "a,\nb"),))
