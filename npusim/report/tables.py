"""Tables that can be sorted by their heads and filtered by text; plain tables without scripts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan

from npusim.html import Markup, tag
from npusim.report.text import name as name_of
from npusim.report.text import plural


@dataclass(frozen=True)
class Column:
    """The head of a column.

    Attributes
    ----------
    kind
        A CSS class for its cells; ``number`` aligns them to the right.
    title
        What the head stands for, in more words.
    """

    name: str
    kind: str | None = None
    title: str | None = None


@dataclass(frozen=True)
class Cell:
    """What a cell shows.

    Attributes
    ----------
    order
        What it is sorted by, unless by what it shows; None: it goes last.
    style
        A further CSS class.
    title
        More words.
    """

    content: object
    order: float | str | None = ""
    style: str | None = None
    title: str | None = None


def sortable(
    name: str, caption: str, columns: Sequence[Column], rows: Sequence[Sequence[Cell]], noun: str
) -> Markup:
    """A table in a container of its own that scrolls sideways, with a filter above.

    Parameters
    ----------
    name
        Its id, without ``-table``.
    noun
        What a row is, in the plural.
    """
    heads = (
        tag(
            "th",
            tag("button", name_of(column.name), type="button", title=column.title),
            scope="col",
            class_=column.kind,
            aria_sort="none",
        )
        for column in columns
    )
    body = (
        tag("tr", *(_cell(cell, column) for cell, column in zip(row, columns, strict=True))) for row in rows
    )
    table = tag(
        "table",
        tag("caption", caption),
        tag("thead", tag("tr", *heads)),
        tag("tbody", *body),
        id=f"{name}-table",
        class_="sortable",
    )
    return tag("div", _filter(name, len(rows), noun), _scroller(caption, table), class_="table")


def _filter(name: str, count: int, noun: str) -> Markup:
    label = tag("label", f"Filter {noun}", for_=f"{name}-filter")
    entry = tag(
        "input",
        id=f"{name}-filter",
        type="search",
        placeholder="text, several words for all of them",
        autocomplete="off",
        spellcheck="false",
        aria_controls=f"{name}-table",
        data_filters=f"{name}-table",
    )
    shown = tag("output", plural(count, noun.removesuffix("s"), noun), for_=f"{name}-filter", data_noun=noun)
    return tag("div", label, entry, shown, class_="filter")


def plain(caption: str, columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> Markup:
    """A small table that stays as it is."""
    heads = (tag("th", c.name, scope="col", class_=c.kind, title=c.title) for c in columns)
    body = (
        tag("tr", *(_cell(cell, column) for cell, column in zip(row, columns, strict=True))) for row in rows
    )
    table = tag("table", tag("caption", caption), tag("thead", tag("tr", *heads)), tag("tbody", *body))
    return _scroller(caption, table)


def _scroller(caption: str, table: Markup) -> Markup:
    return tag("div", table, class_="scroll", tabindex=0, role="region", aria_label=caption)


def _cell(cell: Cell, column: Column) -> Markup:
    style = " ".join(word for word in (column.kind, cell.style) if word) or None
    return tag("td", cell.content, class_=style, title=cell.title, data_order=_order(cell))


def _order(cell: Cell) -> str | None:
    """The attribute; absent where what is shown says it, empty where there is nothing."""
    if cell.order is None:
        return ""
    if isinstance(cell.order, float):
        return "" if isnan(cell.order) else repr(cell.order).replace("inf", "Infinity")
    return None if cell.order == "" else str(cell.order)
