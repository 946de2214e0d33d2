"""The table of steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from npusim.html import Markup, join, tag
from npusim.report import svg
from npusim.report.facts import Report, StepFacts
from npusim.report.tables import Cell, Column, sortable
from npusim.report.text import MISSING, decibels, integer, key, name, percent, place, plural, section, shape

_BAR = 96.0
_BAR_HEIGHT = 14.0


def steps(report: Report) -> Markup:
    """Every step: shape, work, accumulator, events, noise."""
    facts = report.subject.steps
    widest = max((max(s.available_bits or 0, s.proven_bits or 0) for s in facts), default=0)
    known = {Needs.NOTHING: True, Needs.RUN: report.images > 0}
    known[Needs.FLOAT] = any(step.sqnr is not None for step in facts)
    known[Needs.ALONE] = any(step.alone is not None for step in facts)
    columns = [column for column in _columns(widest) if known[column.needs]]
    rows = [[column.cell(step) for column in columns] for step in facts]
    table = sortable("steps", "Steps in execution order", [c.head for c in columns], rows, "steps")
    legend = key(
        ("seen", "bits seen"),
        ("proven", "bits proven to be enough"),
        ("lacking", "bits that are lacking"),
        ("available", "bits there are"),
    )
    return section("steps", "Steps", _intro(report), legend, table)


def _intro(report: Report) -> Markup:
    words = (
        "Accumulator bits are the least signed width that holds every value: proven over all inputs, "
        "prefixes included where the accumulator saturates."
    )
    if report.images:
        words += (
            f" Events were counted over {plural(report.images, 'image')}; clips at a bound that an "
            "activation function set are no loss, those at the end of the codes are."
        )
    return tag("p", words, class_="intro")


class Needs(StrEnum):
    """What must have been done for a column to show anything."""

    NOTHING = "nothing"
    RUN = "run"
    FLOAT = "float"
    ALONE = "alone"


@dataclass(frozen=True)
class _StepColumn:
    """A column, and how it shows a step."""

    head: Column
    cell: Callable[[StepFacts], Cell]
    needs: Needs = Needs.NOTHING


def _columns(widest: int) -> list[_StepColumn]:
    number = "number"
    return [
        _StepColumn(Column("#", number, "position"), lambda s: Cell(s.index)),
        _StepColumn(Column("step", "name"), _name),
        _StepColumn(Column("output", "shape"), lambda s: Cell(shape(s.shape), _size(s))),
        _StepColumn(Column("MACs", number), lambda s: Cell(integer(s.macs) if s.macs else MISSING, s.macs)),
        _StepColumn(Column("accumulator", "bar"), lambda s: _bar(s, widest)),
        _StepColumn(Column("seen", number, "accumulator bits seen"), _seen, Needs.RUN),
        _StepColumn(Column("proven", number, "accumulator bits proven"), _proven),
        _StepColumn(Column("overflows", number), _overflows, Needs.RUN),
        _StepColumn(Column("activation", number, "clips by activation"), _activation, Needs.RUN),
        _StepColumn(Column("saturated", number, "clips by saturation"), _saturation, Needs.RUN),
        _StepColumn(
            Column("SQNR", number, "SQNR in dB, all before it integer"), lambda s: _noise(s.sqnr), Needs.FLOAT
        ),
        _StepColumn(
            Column("alone", number, "SQNR in dB, all before it float"), lambda s: _noise(s.alone), Needs.ALONE
        ),
        _StepColumn(Column("events", "events"), _events, Needs.RUN),
    ]


def _name(step: StepFacts) -> Cell:
    return Cell(join([tag("b", name(step.name)), tag("small", step.operation)]), step.name)


def _size(step: StepFacts) -> int:
    size = 1
    for length in step.shape:
        size *= length
    return size


def _bar(step: StepFacts, widest: int) -> Cell:
    if step.available_bits is None or step.proven_bits is None:
        return Cell(MISSING, None)
    scale = svg.Axis(0, widest, 0, _BAR)
    have, need = step.available_bits, step.proven_bits
    seen = None if step.seen is None else step.seen.bits
    middle = _BAR_HEIGHT / 2
    parts = [svg.rectangle(0, middle - 3, scale(have), 6, "available", rx=2)]
    parts.append(svg.rectangle(0, middle - 3, scale(min(need, have)), 6, "proven", rx=2))
    if seen is not None:
        parts.append(svg.rectangle(0, middle - 3, scale(min(seen, have)), 6, "seen", rx=2))
    if need > have:
        parts.append(svg.rectangle(scale(have), middle - 3, scale(need) - scale(have), 6, "lacking"))
    parts.append(svg.line(scale(have), 1, scale(have), _BAR_HEIGHT - 1, "limit"))
    label = f"{need} of {have} bits proven" + ("" if seen is None else f", {seen} seen")
    return Cell(svg.picture(_BAR + 1, _BAR_HEIGHT, label, *parts, class_="bar"), have - need)


def _seen(step: StepFacts) -> Cell:
    return Cell(MISSING, None) if step.seen is None else Cell(step.seen.bits)


def _proven(step: StepFacts) -> Cell:
    if step.proven_bits is None:
        return Cell(MISSING, None)
    weak = step.proof is not None and step.proof.overflow_possible
    shown = join([step.proven_bits, tag("small", f" / {step.available_bits}")])
    return Cell(shown, step.proven_bits, "bad" if weak else None)


def _overflows(step: StepFacts) -> Cell:
    if step.overflows is None:
        return Cell(MISSING, None)
    return Cell(integer(step.overflows), step.overflows, "bad" if step.overflows else "zero")


def _activation(step: StepFacts) -> Cell:
    return _share(step, step.activation_clips, None)


def _saturation(step: StepFacts) -> Cell:
    return _share(step, step.saturation_clips, "warn")


def _share(step: StepFacts, count: int | None, style: str | None) -> Cell:
    if count is None:
        return Cell(MISSING, None)
    if count == 0 or not step.outputs:
        return Cell("0", 0, "zero")
    share = count / step.outputs
    return Cell(percent(share, 2), share, style if share >= 0.001 else None, f"{integer(count)} clips")


def _noise(value: float | None) -> Cell:
    return Cell(decibels(value), value)


def _events(step: StepFacts) -> Cell:
    found = list(step.events)
    if not found:
        return Cell(MISSING, 0)
    items = (
        tag(
            "li",
            tag("b", f"{event.stage} {event.event}"),
            f" {integer(event.count)}, first in {place(event.first)}",
        )
        for event in found
    )
    details = tag("details", tag("summary", plural(len(found), "kind")), tag("ul", *items))
    return Cell(details, sum(event.count for event in found))
