"""What sweeps found: quality against each axis and cost that varied, and every point in a table."""

from __future__ import annotations

from itertools import pairwise

from npusim.html import Markup, join, tag
from npusim.report.curves import legend
from npusim.report.facts import Report
from npusim.report.sweep_plots import fronts, group_points, ladder, scatter
from npusim.report.sweeps import SweepResults, number
from npusim.report.tables import Cell, Column, sortable
from npusim.report.text import section
from npusim.sweep.columns import COSTS, LEADING, OUTCOME, QUALITIES

_HIDDEN = frozenset({"digest"})
_LONG = 40
_POINT = LEADING[0]
_KEPT = frozenset({_POINT, OUTCOME[0]})
"""Columns that stand in the table even if they are the same everywhere."""


def sweeps(report: Report) -> Markup | None:
    """Each sweep's pictures and its table."""
    if not report.sweeps:
        return None
    parts = [_sweep(results, index) for index, results in enumerate(report.sweeps)]
    return section("sweeps", "Sweeps", *parts)


def _sweep(results: SweepResults, index: int) -> Markup:
    same = [name for name in results.columns if _is_constant(results, name)]
    shown = [name for name in results.columns if name not in {*same, *_HIDDEN} and any(results.column(name))]
    rows = [
        [_cell(cell) for name, cell in zip(results.columns, row, strict=True) if name in shown]
        for row in results.rows
    ]
    columns = [Column(name, _kind(results, name)) for name in shown]
    table = sortable(f"sweep-{index + 1}", f"Points of {results.name}", columns, rows, "points")
    return tag("div", tag("h3", results.name), _same_words(results, same), _pictures(results), table)


def _kind(results: SweepResults, name: str) -> str | None:
    if results.numeric(name):
        return "number"
    return "long" if max(map(len, results.column(name))) > _LONG else None


def _is_constant(results: SweepResults, name: str) -> bool:
    return name not in _KEPT | _HIDDEN and len(set(results.column(name))) == 1 and bool(results.rows[0])


def _same_words(results: SweepResults, names: list[str]) -> Markup | None:
    """What all points have in common."""
    found = [(name, results.column(name)[0]) for name in names]
    words = ", ".join(f"{name} {cell}" for name, cell in found if cell)
    return tag("p", f"The same for all points: {words}.", class_="intro") if words else None


def _pictures(results: SweepResults) -> Markup | None:
    groups = group_points(results, [name for name in results.axes if not results.numeric(name)])
    qualities, against = _qualities(results), _measures(results)
    if not qualities:
        return None
    if against:
        names = legend([group.name for group in groups])
        drawn = [scatter(groups, results, quality, name) for quality in qualities for name in against]
    else:
        names, drawn = None, [ladder(groups, results, quality) for quality in qualities]
    front = (
        tag("p", "Large points are on the Pareto front.", class_="intro") if any(fronts(results)) else None
    )
    return join([names, tag("div", *drawn, class_="pair"), front])


def _qualities(results: SweepResults) -> list[str]:
    """A share of images and an SQNR, as far as they were measured and differ."""
    found = [name for name in QUALITIES if results.varies(name) and not name.startswith("float")]
    shares = [name for name in found if not name.endswith("_db")]
    return [*shares[:1], *[name for name in found if name.endswith("_db")][:1]]


def _measures(results: SweepResults) -> list[str]:
    """Axes of numbers, then costs that do not just follow one of them."""
    axes = [name for name in results.axes if results.numeric(name) and results.varies(name)]
    kept = axes
    for name in COSTS:
        if results.varies(name) and not any(_follows(results, name, other) for other in kept):
            kept = [*kept, name]
    return kept


def _follows(results: SweepResults, name: str, other: str) -> bool:
    """Whether one column is known and grows wherever another one does."""
    pairs = {
        (before, after)
        for before, after in zip(results.numbers(other), results.numbers(name), strict=True)
        if before is not None and after is not None
    }
    ordered = sorted(pairs)
    return all(a[0] < b[0] and a[1] < b[1] for a, b in pairwise(ordered))


def _cell(cell: str) -> Cell:
    value = number(cell)
    if not cell:
        return Cell("", None)
    if value is None:
        return Cell(cell)
    return Cell(cell if value == int(value) else f"{value:.4g}", value)
