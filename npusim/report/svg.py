"""Small pieces of SVG. Colours come from the page's style sheet, so that pictures follow its theme."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

from npusim.html import Markup, tag


def picture(width: float, height: float, label: str, *content: object, **more: object) -> Markup:
    """A picture that scales with its place; `label` says to those who cannot see it what it shows."""
    return tag(
        "svg",
        *content,
        viewBox=f"0 0 {number(width)} {number(height)}",
        width=number(width),
        height=number(height),
        role="img",
        aria_label=label,
        **more,
    )


def number(value: float) -> str:
    """At most one decimal.

    Examples
    --------
    >>> number(3.0), number(2.25), number(-0.04)
    ('3', '2.2', '0')
    """
    text = f"{value:.1f}"
    return "0" if text == "-0.0" else text.removesuffix(".0")


def rectangle(x: float, y: float, width: float, height: float, class_: str, **more: object) -> Markup:
    """A filled rectangle."""
    place = {"x": number(x), "y": number(y), "width": number(width), "height": number(height)}
    return tag("rect", class_=class_, **place, **more)


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> Markup:
    """A straight line."""
    return tag("line", x1=number(x1), y1=number(y1), x2=number(x2), y2=number(y2), class_=class_)


def words(x: float, y: float, text: object, class_: str = "label", anchor: str = "start") -> Markup:
    """Text at a point of its base line."""
    return tag("text", text, x=number(x), y=number(y), class_=class_, text_anchor=anchor)


def steps(edges: Sequence[float], heights: Sequence[float], base: float, class_: str) -> Markup:
    """The area between a base line and one level per interval between edges."""
    parts = [f"M{number(edges[0])} {number(base)}"]
    last: str | None = None
    for right, height in zip(edges[1:], heights, strict=True):
        level = number(height)
        if level != last:
            parts.append(f"V{level}")
            last = level
            parts.append(f"H{number(right)}")
        else:
            parts[-1] = f"H{number(right)}"
    parts.append(f"V{number(base)}Z")
    return tag("path", d="".join(parts), class_=class_)


def polyline(points: Iterable[tuple[float, float]], class_: str) -> Markup:
    """A line through points."""
    return tag("polyline", points=" ".join(f"{number(x)},{number(y)}" for x, y in points), class_=class_)


@dataclass(frozen=True)
class Axis:
    """From values to places along one side of a picture."""

    low: float
    high: float
    start: float
    stop: float

    def __call__(self, value: float) -> float:
        """Where a value stands; values beyond the ends stand at them."""
        inside = min(max(value, self.low), self.high)
        share = (inside - self.low) / (self.high - self.low) if self.high > self.low else 0.5
        return self.start + share * (self.stop - self.start)

    def ticks(self, wanted: int = 5) -> list[float]:
        """Round values within, about so many.

        Examples
        --------
        >>> Axis(-3, 47, 0, 1).ticks()
        [0.0, 10.0, 20.0, 30.0, 40.0]
        """
        span = self.high - self.low
        if span <= 0:
            return [self.low]
        power = 10.0 ** floor(log10(span / wanted))
        unit = next(power * step for step in (1, 2, 5, 10) if span <= (wanted + 0.5) * power * step)
        return [round(unit * k, 12) for k in range(ceil(self.low / unit), floor(self.high / unit) + 1)]
