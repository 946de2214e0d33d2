"""How a report writes numbers, and small pieces that its sections share."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import isfinite

from npusim.html import Markup, join, tag

MISSING = Markup('<span class="none" title="not measured">\u2013</span>')


def integer(value: int) -> str:
    """With separators, and a minus sign that is as wide as a digit.

    Examples
    --------
    >>> integer(1234567)
    '1,234,567'
    """
    return f"{value:,}".replace("-", "\u2212")


def short(value: float) -> str:
    """Three digits and a prefix, which a narrow blank sets apart.

    Examples
    --------
    >>> [short(n).replace("\u202f", " ") for n in (300_774_272, 999_950, 0)]
    ['301 M', '1.00 M', '0']
    """
    for power, prefix in ((9, "G"), (6, "M"), (3, "k")):
        if abs(value) >= 0.9995 * 10**power:
            scaled = value / 10**power
            return f"{scaled:.{_decimals(scaled)}f}\u202f{prefix}"
    return f"{value:.{0 if value == int(value) else 2}f}"


def _decimals(scaled: float) -> int:
    return 0 if abs(scaled) >= 99.95 else 1 if abs(scaled) >= 9.995 else 2


def percent(share: float, digits: int = 1) -> str:
    """A share; one too small for its digits is said to be so.

    Examples
    --------
    >>> [percent(share).replace("\u202f", " ") for share in (0.6251, 0.00002, 0)]
    ['62.5 %', '< 0.1 %', '0.0 %']
    """
    least = 10.0**-digits
    if 0 < 100 * share < least / 2:
        return f"<\u202f{least:.{digits}f}\u202f%"
    return f"{100 * share:.{digits}f}\u202f%"


def decibels(value: float | None) -> Markup | str:
    """An SQNR."""
    if value is None:
        return MISSING
    return f"{value:.1f}".replace("-", "\u2212") if isfinite(value) else "exact" if value > 0 else "no signal"


def shape(sizes: Sequence[int]) -> str:
    """Sizes with crosses between."""
    return " \u00d7 ".join(map(str, sizes))


def name(text: str) -> Markup:
    """A name that may be long, in pieces between which a line may end.

    Examples
    --------
    >>> name("conv_1.relu")
    'conv_<wbr>1.<wbr>relu'
    """
    return join(re.split(r"(?<=[./:_])", text), Markup("<wbr>"))


def place(first: Sequence[int]) -> str:
    """Where an event happened: image, then the position in the output, channel last."""
    image, *rest = first
    *pixel, channel = rest
    where = f" at ({', '.join(map(str, pixel))})" if pixel else ""
    return f"image {image}{where}, channel {channel}"


def plural(count: int, one: str, many: str | None = None) -> str:
    """A count and its noun."""
    return f"{integer(count)} {one if count == 1 else many or one + 's'}"


def section(name: str, title: str, *content: object) -> Markup:
    """One section of the page, which the contents lead to."""
    heading = tag("h2", title, id=f"{name}-title")
    return tag("section", heading, *content, id=name, aria_labelledby=f"{name}-title")


def figure(caption: object, *content: object, class_: str | None = None) -> Markup:
    """A picture and what it shows."""
    return tag("figure", *content, tag("figcaption", caption), class_=class_)


def definitions(rows: Sequence[tuple[str, object]]) -> Markup:
    """Names and what they are."""
    return tag("dl", join(tag("div", tag("dt", name), tag("dd", value)) for name, value in rows))


def key(*entries: tuple[str, str]) -> Markup:
    """A legend: CSS class of the swatch, and what it stands for."""
    swatches = (tag("span", class_=f"swatch {style}", aria_hidden="true") for style, _ in entries)
    items = (tag("li", swatch, words) for swatch, (_, words) in zip(swatches, entries, strict=True))
    return tag("ul", *items, class_="key")
