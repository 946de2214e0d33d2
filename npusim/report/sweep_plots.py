"""Pictures of a sweep: quality against numbers, or one row for each kind of point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from npusim.html import Markup, tag
from npusim.report import svg
from npusim.report.curves import dot, frame
from npusim.report.sweeps import SweepResults
from npusim.report.text import figure, plural

_WIDTH, _HEIGHT = 440.0, 250.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 52.0, 14.0, 24.0, 36.0
_ROW = 20.0
_FRONT = "pareto"

Point = tuple[float, float, bool]
"""Where it stands, and whether it is on the Pareto front."""


@dataclass(frozen=True)
class Group:
    """Points that differ in numbers only; `rows` are theirs."""

    name: str
    rows: tuple[int, ...]


def group_points(results: SweepResults, names: Sequence[str]) -> list[Group]:
    """Points by what these columns say, as far as they differ; in the order of the table."""
    told = [results.column(name) for name in names if results.varies(name)]
    rows: dict[str, list[int]] = {}
    for index in range(len(results.rows)):
        rows.setdefault(" \u00b7 ".join(column[index] for column in told), []).append(index)
    return [Group(name, tuple(found)) for name, found in rows.items()]


def scatter(groups: Sequence[Group], results: SweepResults, quality: str, measure: str) -> Markup:
    """Quality against a number; the points of a group are joined where there is one for each number."""
    placed = [_points(results, group, measure, quality) for group in groups]
    every = [point for points in placed for point in points]
    if not every:
        return tag("p", f"no point has {quality} and {measure}", class_="intro")
    across = _axis([x for x, _, _ in every], _LEFT, _WIDTH - _RIGHT)
    up = _axis([y for _, y, _ in every], _HEIGHT - _BOTTOM, _TOP)
    parts = [frame(across, up, quality, measure)]
    for index, (group, points) in enumerate(zip(groups, placed, strict=True)):
        if len({x for x, _, _ in points}) == len(points) > 1:
            parts.append(svg.polyline([(across(x), up(y)) for x, y, _ in points], f"curve hue{index % 6}"))
        parts += [
            dot(across(x), up(y), index, _title(group, front, f"{measure} {x:g}", f"{quality} {y:g}"), front)
            for x, y, front in points
        ]
    picture = svg.picture(_WIDTH, _HEIGHT, f"{quality} against {measure}", *parts, class_="plot")
    missing = len(results.rows) - len(every)
    caption = f"{quality} against {measure}" + (f"; {plural(missing, 'point')} without" if missing else "")
    return figure(caption, tag("div", picture, class_="scroll", tabindex=0))


def ladder(groups: Sequence[Group], results: SweepResults, quality: str) -> Markup:
    """One row per group, its points placed by quality."""
    values = results.numbers(quality)
    known = [value for value in values if value is not None]
    height = _TOP + _ROW * len(groups) + _BOTTOM
    left = 8.0 + 7.0 * max(len(group.name) for group in groups)
    across = _axis(known, left, _WIDTH + left - _LEFT - _RIGHT)
    parts = []
    for tick in across.ticks(4):
        parts.append(svg.line(across(tick), _TOP - 8, across(tick), height - _BOTTOM, "gridline"))
        parts.append(svg.words(across(tick), height - _BOTTOM + 16, f"{tick:g}", anchor="middle"))
    marked = fronts(results)
    for index, group in enumerate(groups):
        middle = _TOP + _ROW * (index + 0.5)
        parts.append(svg.words(left - 12, middle + 4, group.name, anchor="end"))
        for row in group.rows:
            value = values[row]
            if value is not None:
                title = _title(group, marked[row], f"{quality} {value:g}")
                parts.append(dot(across(value), middle, 0, title, marked[row]))
    picture = svg.picture(across.stop + _RIGHT, height, quality, *parts, class_="plot")
    return figure(quality, tag("div", picture, class_="scroll", tabindex=0))


def _points(results: SweepResults, group: Group, measure: str, quality: str) -> list[Point]:
    xs, ys, marked = results.numbers(measure), results.numbers(quality), fronts(results)
    found = []
    for row in group.rows:
        x, y = xs[row], ys[row]
        if x is not None and y is not None:
            found.append((x, y, marked[row]))
    return sorted(found)


def fronts(results: SweepResults) -> list[bool]:
    """Which rows are on the Pareto front."""
    if _FRONT not in results.columns:
        return [False] * len(results.rows)
    return [cell not in {"", "0"} for cell in results.column(_FRONT)]


def _axis(values: Sequence[float], start: float, stop: float) -> svg.Axis:
    """With a little room at both ends."""
    low, high = min(values, default=0.0), max(values, default=0.0)
    room = (high - low) * 0.05 or 0.5
    return svg.Axis(low - room, high + room, start, stop)


def _title(group: Group, front: bool, *words: str) -> str:
    parts = [group.name, *words] if group.name else list(words)
    return ", ".join([*parts, "on the Pareto front"] if front else parts)
