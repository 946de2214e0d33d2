"""HTML by small pieces: whatever is not markup already is escaped when it becomes part of some."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Sequence
from typing import Any

_VOID = frozenset({"br", "hr", "img", "input", "link", "meta"})
_IN_SCRIPT = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


class Markup(str):
    """Text that is HTML or SVG already."""

    __slots__ = ()


def markup(content: object) -> Markup:
    """Content as HTML: markup as it is, anything else escaped, None as nothing.

    Examples
    --------
    >>> markup("<script>")
    '&lt;script&gt;'
    """
    if isinstance(content, Markup):
        return content
    return Markup("" if content is None else html.escape(str(content)))


def join(parts: Iterable[object], separator: str = "") -> Markup:
    """Several pieces, one behind the other."""
    return Markup(markup(separator).join(markup(part) for part in parts))


def tag(name: str, /, *content: object, **attributes: object) -> Markup:
    """One element.

    Parameters
    ----------
    content
        What is in it; None adds nothing.
    attributes
        ``class_`` is class, ``aria_sort`` is aria-sort; None and False leave an attribute out, True
        gives it no value.

    Examples
    --------
    >>> tag("td", "a < b", class_="name", data_sort=3, hidden=False)
    '<td class="name" data-sort="3">a &lt; b</td>'
    """
    given = "".join(
        f" {key}" if value is True else f' {key}="{html.escape(str(value))}"'
        for key, value in ((_attribute(key), value) for key, value in attributes.items())
        if value is not None and value is not False
    )
    if name in _VOID:
        return Markup(f"<{name}{given}>")
    return Markup(f"<{name}{given}>{join(content)}</{name}>")


def table(columns: Sequence[object], rows: Iterable[Sequence[object]]) -> Markup:
    """A plain table, as notebooks show it."""
    head = tag("tr", *(tag("th", column, style="text-align:left") for column in columns))
    body = (tag("tr", *(tag("td", cell, style="text-align:left") for cell in row)) for row in rows)
    return tag("table", tag("thead", head), tag("tbody", *body))


def summary(title: str, facts: Sequence[tuple[str, object]], *more: object) -> Markup:
    """What a notebook shows of an object: a bold title, a table of facts, and more below."""
    rows = (
        tag("tr", tag("th", name, style="text-align:left"), tag("td", value, style="text-align:left"))
        for name, value in facts
    )
    return tag("div", tag("strong", title), tag("table", tag("tbody", *rows)), *more)


def script_json(data: Any) -> Markup:
    r"""Data for a ``<script type="application/json">``: nothing in it can end the script.

    Examples
    --------
    >>> script_json({"a": "</script>"})
    '{"a":"\\u003c/script\\u003e"}'
    """
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return Markup("".join(_IN_SCRIPT.get(character, character) for character in text))


def _attribute(key: str) -> str:
    return key.rstrip("_").replace("_", "-")
