"""Curves and points on one pair of axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

from npusim.html import Markup, join, tag
from npusim.report import svg
from npusim.report.text import key

_WIDTH, _HEIGHT = 960.0, 260.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 44.0, 12.0, 22.0, 30.0
HUES = 6
"""So many curves are told apart by colour and dash; further ones start over."""


@dataclass(frozen=True)
class Curve:
    """A named line through points, from left to right."""

    name: str
    points: Sequence[tuple[float, float]]

    @property
    def finite(self) -> list[tuple[float, float]]:
        """What can be drawn."""
        return [(x, y) for x, y in self.points if isfinite(y)]


def curves(label: str, drawn: Sequence[Curve], names: Mapping[int, str], *, unit: str) -> Markup:
    """Lines over a common axis of numbered things.

    Parameters
    ----------
    names
        What each number on the axis stands for; shown at its points.
    """
    points = [point for curve in drawn for point in curve.finite]
    if not points:
        return tag("p", "Nothing finite to draw.", class_="intro")
    across = svg.Axis(min(x for x, _ in points), max(x for x, _ in points), _LEFT, _WIDTH - _RIGHT)
    low, high = min(0.0, *(y for _, y in points)), max(y for _, y in points)
    up = svg.Axis(low, high, _HEIGHT - _BOTTOM, _TOP)
    parts = [frame(across, up, unit)]
    for index, curve in enumerate(drawn):
        places = [(across(x), up(y)) for x, y in curve.finite]
        parts.append(svg.polyline(places, f"curve hue{index % HUES}"))
        for (x, y), (left, top) in zip(curve.finite, places, strict=True):
            title = f"{names.get(int(x), x)}: {y:.1f} {unit}, {curve.name}"
            parts.append(dot(left, top, index, title))
    picture = svg.picture(_WIDTH, _HEIGHT, label, *parts, class_="plot")
    return join([legend([curve.name for curve in drawn]), tag("div", picture, class_="scroll", tabindex=0)])


def frame(across: svg.Axis, up: svg.Axis, unit: str, along: str = "step") -> Markup:
    """Grid lines and their numbers."""
    parts = []
    for tick in up.ticks():
        parts.append(svg.line(across.start, up(tick), across.stop, up(tick), "gridline"))
        parts.append(svg.words(across.start - 6, up(tick) + 4, _plain(tick), anchor="end"))
    parts += [
        svg.words(across(tick), up.start + 16, _plain(tick), anchor="middle") for tick in across.ticks(8)
    ]
    parts.append(svg.words(across.stop, up.start + 28, along, "label name", anchor="end"))
    parts.append(svg.words(2, up.stop - 10, unit, "label name"))
    return join(parts)


def dot(x: float, y: float, hue: int, title: str, marked: bool = False) -> Markup:
    """A point that says what it is; a marked one is larger."""
    place = {"cx": svg.number(x), "cy": svg.number(y), "r": 4.5 if marked else 3}
    return tag("circle", tag("title", title), class_=f"dot hue{hue % HUES}", **place)


def legend(names: Sequence[str]) -> Markup:
    """Which colour is which; nothing for one."""
    if len(names) < 2:
        return Markup("")
    return key(*((f"hue{index % HUES}", name) for index, name in enumerate(names)))


def _plain(value: float) -> str:
    return f"{value:,g}".replace("-", "\u2212")
