"""Several programs of one network side by side."""

from __future__ import annotations

from npusim.html import Markup, tag
from npusim.report.curves import Curve, curves
from npusim.report.facts import Report, Subject
from npusim.report.tables import Cell, Column, plain
from npusim.report.text import MISSING, decibels, figure, integer, percent, section


def comparison(report: Report) -> Markup | None:
    """A table, and the noise of each along the network."""
    if not report.compared:
        return None
    subjects = [report.subject, *report.compared]
    columns = [
        Column("program"),
        Column("recipe"),
        Column("datapath"),
        Column("top-1", "number"),
        Column("agreement", "number", "same answer as the float network"),
        Column("output SQNR", "number", "dB"),
        Column("worst step", "number", "dB"),
        Column("weight bytes", "number"),
        Column("bits proven", "number", "accumulator bits proven, at most"),
    ]
    table = plain("Programs of the same network", columns, [_row(subject) for subject in subjects])
    return section("comparison", "Comparison", _float_words(subjects), table, _picture(subjects))


def _row(subject: Subject) -> list[Cell]:
    found = subject.evaluation
    program = subject.program
    measured = [step.sqnr for step in subject.steps if step.sqnr is not None]
    proven = [step.proven_bits for step in subject.steps if step.proven_bits is not None]
    return [
        Cell(tag("b", subject.label)),
        Cell(program.recipe or MISSING),
        Cell(program.datapath.name),
        Cell(MISSING if found is None or found.integer_top1 is None else percent(found.integer_top1)),
        Cell(MISSING if found is None or found.agreement is None else percent(found.agreement)),
        Cell(decibels(subject.output_sqnr)),
        Cell(decibels(min(measured, default=None))),
        Cell(integer(subject.weight_bytes)),
        Cell(max(proven, default=MISSING)),
    ]


def _float_words(subjects: list[Subject]) -> Markup:
    found = next((s.evaluation for s in subjects if s.evaluation is not None), None)
    if found is None:
        return tag("p", "Nothing was run: give the network and data to compare accuracy.", class_="intro")
    words = f"Over {integer(found.images)} images"
    if found.float_top1 is not None:
        words += f"; the float network's top-1 is {percent(found.float_top1)}"
    return tag("p", words + ".", class_="intro")


def _picture(subjects: list[Subject]) -> Markup | None:
    drawn: list[Curve] = []
    names: dict[int, str] = {}
    positions = {step.name: step.index for step in subjects[0].steps}
    for subject in subjects:
        points = [
            (float(positions[step.name]), step.sqnr)
            for step in subject.steps
            if step.sqnr is not None and step.name in positions
        ]
        names |= {positions[s.name]: s.name for s in subject.steps if s.name in positions}
        drawn.append(Curve(subject.label, sorted(points)))
    if not any(curve.finite for curve in drawn):
        return None
    return figure(
        "SQNR in dB of each step, everything before it integer",
        curves("SQNR of each step by program", drawn, names, unit="dB"),
    )
