"""Where accuracy is lost: noise along the network, and the steps that add the most of it."""

from __future__ import annotations

from math import isfinite

from npusim.html import Markup, join, tag
from npusim.report import svg
from npusim.report.curves import Curve, curves
from npusim.report.facts import Report, StepFacts
from npusim.report.tables import Cell, Column, sortable
from npusim.report.text import decibels, figure, name, percent, plural, section

_SHOWN = 12
_BAR = 220.0


def losses(report: Report) -> Markup | None:
    """A curve over the steps, and a ranked list."""
    measured = [step for step in report.subject.steps if step.sqnr is not None]
    if not measured:
        return None
    ranked = _ranked(measured)
    content = [
        tag(
            "p",
            "Signal to quantization noise of every step's output against the same tensor in float. ",
            "A step that stands low alone adds noise itself; one that stands low only with all before it "
            "integer inherits it."
            if any(step.alone is not None for step in measured)
            else "Where the curve falls, noise is added.",
            class_="intro",
        ),
        figure("SQNR in dB along the network, in execution order", _picture(measured)),
        tag("h3", _title(ranked)),
        tag("ol", *(_item(step, value, ranked[0][1]) for step, value in ranked[:_SHOWN]), class_="ranking"),
        _disagreements(report),
    ]
    return section("losses", "Where accuracy is lost", *content)


def _picture(measured: list[StepFacts]) -> Markup:
    together = Curve("all before it integer", [(s.index, s.sqnr) for s in measured if s.sqnr is not None])
    alone = Curve("alone", [(s.index, s.alone) for s in measured if s.alone is not None])
    names = {step.index: step.name for step in measured}
    return curves("SQNR of each step", [together, alone] if alone.points else [together], names, unit="dB")


def _ranked(measured: list[StepFacts]) -> list[tuple[StepFacts, float]]:
    """Steps and the noise they add relative to their signal, the noisiest first."""
    if any(step.alone is not None for step in measured):
        found = [(step, _noise(step.alone)) for step in measured if step.alone is not None]
    else:
        found = [(step, _noise(step.sqnr)) for step in measured]
    return sorted(found, key=lambda pair: (-pair[1], pair[0].index))


def _noise(decibel: float | None) -> float:
    """Noise over signal, as powers."""
    if decibel is None or decibel == float("inf"):
        return 0.0
    return 10 ** (-decibel / 10) if isfinite(decibel) else 1.0


def _title(ranked: list[tuple[StepFacts, float]]) -> str:
    how = "alone" if ranked[0][0].alone is not None else "with all before them integer"
    return f"The noisiest steps, {how}"


def _item(step: StepFacts, noise: float, most: float) -> Markup:
    share = noise / most if most > 0 else 0.0
    label = f"noise relative to the noisiest: {percent(share)}"
    filled = svg.rectangle(0, 0, _BAR * share, 8, "loss")
    bar = svg.picture(_BAR, 8, label, filled, preserveAspectRatio="none")
    value = step.alone if step.alone is not None else step.sqnr
    words = join([decibels(value), " dB"])
    return tag(
        "li", tag("b", name(step.name)), tag("small", step.operation), bar, tag("span", words, class_="value")
    )


def _disagreements(report: Report) -> Markup | None:
    """The images that integers and float answer differently."""
    found = () if report.subject.evaluation is None else report.subject.evaluation.disagreements
    if not found:
        return None
    labelled = any(image.label is not None for image in found)
    columns = (
        [Column("image", "number"), Column("label", "number")] if labelled else [Column("image", "number")]
    )
    columns += [
        Column("float", "number", "float's class"),
        Column("integer", "number", "the integers' class"),
    ]
    rows = [
        [
            Cell(report.names.get(image.index, image.index), image.index),
            *([Cell(image.label)] if labelled else []),
            Cell(image.float_answer, style=_right(image.float_answer, image.label)),
            Cell(image.integer_answer, style=_right(image.integer_answer, image.label)),
        ]
        for image in found
    ]
    title = f"{plural(len(found), 'image')} answered differently"
    return tag("details", tag("summary", title), sortable("disagreements", title, columns, rows, "images"))


def _right(answer: int, label: int | None) -> str | None:
    return "right" if answer == label else None
