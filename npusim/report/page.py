"""The page: one file, everything inside it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256
from importlib.resources import files

from npusim import __version__
from npusim.html import Markup, tag
from npusim.report.facts import Report
from npusim.report.sections.accumulators import accumulators
from npusim.report.sections.comparison import comparison
from npusim.report.sections.datapath import datapath
from npusim.report.sections.findings import findings
from npusim.report.sections.losses import losses
from npusim.report.sections.network import network
from npusim.report.sections.steps import steps
from npusim.report.sections.sweeps import sweeps
from npusim.report.sections.weights import weights
from npusim.report.text import integer, name

SECTIONS: dict[str, tuple[str, Callable[[Report], Markup | None]]] = {
    "findings": ("Findings", findings),
    "network": ("Network", network),
    "datapath": ("Datapath", datapath),
    "steps": ("Steps", steps),
    "accumulators": ("Accumulators", accumulators),
    "weights": ("Weights", weights),
    "losses": ("Losses", losses),
    "comparison": ("Comparison", comparison),
    "sweeps": ("Sweeps", sweeps),
}
"""By anchor: what the contents call it, and what makes it; None where there is nothing to show."""

_STYLE, _SCRIPT, _THEME = "page.css", "page.js", "theme.js"


def render(report: Report) -> str:
    """The report as HTML: no other file and no network is needed to read it. Same report, same text."""
    made = {anchor: (title, make(report)) for anchor, (title, make) in SECTIONS.items()}
    shown = {anchor: (title, part) for anchor, (title, part) in made.items() if part is not None}
    contents = tag(
        "nav",
        tag("ul", *(tag("li", tag("a", title, href=f"#{anchor}")) for anchor, (title, _) in shown.items())),
        aria_label="Contents",
    )
    body = tag(
        "body",
        tag("a", "Skip to the findings", href="#findings", class_="skip"),
        _header(report),
        contents,
        tag("main", *(part for _, part in shown.values())),
        _footer(report),
        tag("script", _asset(_SCRIPT)),
    )
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", http_equiv="Content-Security-Policy", content=_policy()),
        tag("meta", name="generator", content=f"npusim {__version__}"),
        tag("meta", name="color-scheme", content="light dark"),
        tag(
            "title", f"{report.subject.program.name} on {report.subject.program.datapath.name}: npusim report"
        ),
        tag("style", _asset(_STYLE)),
        tag("script", _asset(_THEME)),
    )
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


def _policy() -> str:
    """Nothing is fetched, and nothing runs but the two scripts that npusim wrote."""
    scripts = " ".join(f"'{_digest(_asset(name))}'" for name in (_THEME, _SCRIPT))
    return f"default-src 'none'; style-src '{_digest(_asset(_STYLE))}'; script-src {scripts}"


def _digest(content: str) -> str:
    """As content security policies name what may run."""
    return f"sha256-{b64encode(sha256(content.encode()).digest()).decode()}"


def _asset(name: str) -> Markup:
    return Markup(files("npusim.report").joinpath(name).read_text(encoding="utf-8"))


def _header(report: Report) -> Markup:
    program = report.subject.program
    by = f"compiled by the recipe {program.recipe}" if program.recipe else "an integer program"
    return tag(
        "header",
        tag("p", "npusim report", class_="eyebrow"),
        tag("h1", name(program.name)),
        tag("p", f"{by} for the datapath ", tag("b", program.datapath.name), class_="lede"),
        tag(
            "button",
            "Dark",
            type="button",
            id="theme",
            aria_pressed="false",
            title="Change between light and dark",
        ),
    )


def _footer(report: Report) -> Markup:
    program = report.subject.program
    images = f"{integer(report.images)} images run" if report.images else "nothing run"
    return tag(
        "footer",
        f"npusim {__version__}, arithmetic version {program.arithmetic_version}, {images}. "
        "The same inputs make the same file.",
    )
