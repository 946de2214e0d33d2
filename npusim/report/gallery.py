"""Small multiples: the few that matter most in sight, all of them behind a fold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from npusim.html import Markup, tag

FEW = 8


def gallery(
    ranked: Sequence[str], ordered: Sequence[str], pictures: Mapping[str, Markup], first: str, noun: str
) -> Markup:
    """Pictures by name: the first few as ranked, then all as ordered.

    Parameters
    ----------
    first
        What the few are: "tightest".
    """
    if len(ordered) <= FEW + 1:
        return _grid(ordered, pictures)
    rest = [name for name in ordered if name not in set(ranked[:FEW])]
    return tag(
        "div",
        tag("h3", f"The {FEW} {first}"),
        _grid(ranked[:FEW], pictures),
        tag("details", tag("summary", f"The other {len(rest)} {noun}"), _grid(rest, pictures), class_="more"),
    )


def _grid(names: Sequence[str], pictures: Mapping[str, Markup]) -> Markup:
    return tag("div", *(pictures[name] for name in names), class_="grid")
