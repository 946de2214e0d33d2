"""A task's own measures, whatever they are: float beside integer, then the rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from npusim.evaluate import Evaluation
from npusim.html import Markup
from npusim.report.tables import Cell, Column, plain
from npusim.report.text import MISSING

_SIDES = ("float", "integer")


def measures(found: Evaluation | None) -> Markup | None:
    """A table; None where nothing was measured."""
    if found is None or not found.measures:
        return None
    sides = [dict(_leaves(found.measures.get(side, {}))) for side in _SIDES]
    names = [name for name in dict.fromkeys([*sides[0], *sides[1]]) if any(side.get(name) for side in sides)]
    rest = [(name, value) for name, value in _leaves(found.measures) if name.split(" ")[0] not in _SIDES]
    columns = [Column("measure"), Column("float", "number"), Column("integer", "number")]
    rows = [[Cell(name), *(Cell(_text(side.get(name))) for side in sides)] for name in names]
    rows += [[Cell(name), Cell(""), Cell(_text(value))] for name, value in rest if value is not None]
    return plain("Measures", columns, rows) if rows else None


def _leaves(tree: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """What stands in nested groups, by the names on the way."""
    for name, value in tree.items():
        path = f"{before} {name}".strip().replace("_", " ")
        if isinstance(value, Mapping):
            yield from _leaves(value, path)
        else:
            yield path, value


def _text(value: Any) -> object:
    if value is None:
        return MISSING
    if isinstance(value, (list, tuple)):
        return " to ".join(str(_text(item)) for item in value)
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return text.replace("-", "\u2212", 1) if text.startswith("-") else text
