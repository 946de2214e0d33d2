"""The head of the page: what it is about, and what was found, in a few sentences and numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from npusim.evaluate import Evaluation
from npusim.html import Markup, join, tag
from npusim.report.facts import Report, StepFacts, Subject
from npusim.report.sections.measures import measures
from npusim.report.text import decibels, integer, percent, plural, section, short


class Level(StrEnum):
    """How a finding is meant."""

    GOOD = "good"
    NOTE = "note"
    BAD = "bad"


_SIGNS = {Level.GOOD: "✓", Level.NOTE: "i", Level.BAD: "!"}

_MANY = 0.001
"""The share of saturated outputs from which on they are worth a sentence."""


@dataclass(frozen=True)
class Finding:
    """One sentence."""

    level: Level
    text: str


def findings(report: Report) -> Markup:
    """Numbers in a row, then sentences."""
    steps = report.subject.steps
    found = [*_proofs(steps), *_runs(report, steps), *_accuracy(report.subject)]
    items = (
        tag(
            "li",
            tag("span", _SIGNS[x.level], class_="sign", aria_hidden="true"),
            tag("p", x.text),
            class_=x.level,
        )
        for x in found
    )
    said = tag("ul", *items, class_="findings")
    return section("findings", "Findings", _numbers(report), said, _fold(report.subject.evaluation))


def _fold(found: Evaluation | None) -> Markup | None:
    """All that was measured."""
    table = measures(found)
    return None if table is None else tag("details", tag("summary", "All measures of accuracy"), table)


def _numbers(report: Report) -> Markup:
    subject = report.subject
    found = subject.evaluation
    program = subject.program
    widest = max((s for s in subject.steps if s.proof), key=lambda s: s.proven_bits or 0, default=None)
    rows: list[tuple[str, object, object]] = [
        ("steps", integer(len(program.steps)), None),
        ("MACs an image", short(program.macs), None),
        ("weights", f"{short(subject.weight_bytes)}B", f"{program.datapath.weight.bits}-bit codes"),
    ]
    if widest is not None:
        rows.append(("accumulator bits needed", widest.proven_bits, f"of {widest.available_bits}, proven"))
    if found is not None and found.integer_top1 is not None and found.float_top1 is not None:
        rows.append(("top-1", percent(found.integer_top1), f"{percent(found.float_top1)} in float"))
    if found is not None and found.agreement is not None:
        rows.append(("agreement", percent(found.agreement), "same answer as float"))
    if subject.output_sqnr is not None:
        rows.append(("output SQNR", join([decibels(subject.output_sqnr), " dB"]), None))
    return tag(
        "ul",
        *(
            tag("li", tag("b", value), tag("span", name), tag("small", more) if more else None)
            for name, value, more in rows
        ),
        class_="numbers",
    )


def _proofs(steps: tuple[StepFacts, ...]) -> Iterator[Finding]:
    proven = [step for step in steps if step.proof is not None]
    if not proven:
        return
    weak = [step for step in proven if step.proof is not None and step.proof.overflow_possible]
    widest = max(proven, key=lambda step: step.proven_bits or 0)
    need = f"{widest.name} needs {widest.proven_bits} of {widest.available_bits} bits"
    if weak:
        names = _names(weak)
        yield Finding(
            Level.BAD, f"Some input overflows {_accumulators(len(weak))}: {names}. At worst {need}."
        )
    else:
        yield Finding(
            Level.GOOD, f"No input can overflow an accumulator: proven over all codes. At most, {need}."
        )


def _accumulators(count: int) -> str:
    return "the accumulator of one step" if count == 1 else f"the accumulators of {count} steps"


def _names(steps: list[StepFacts], most: int = 4) -> str:
    shown = ", ".join(step.name for step in steps[:most])
    return shown if len(steps) <= most else f"{shown} and {len(steps) - most} more"


def _runs(report: Report, steps: tuple[StepFacts, ...]) -> Iterator[Finding]:
    if not report.images:
        yield Finding(Level.NOTE, "Nothing was run: give data to see events, accumulators and accuracy.")
        return
    images = plural(report.images, "image")
    over = [step for step in steps if step.overflows]
    if over:
        count = sum(step.overflows or 0 for step in over)
        times = "once" if count == 1 else f"{integer(count)} times"
        yield Finding(Level.BAD, f"Over {images}, accumulators overflowed {times}, in {_names(over)}.")
    else:
        yield Finding(Level.GOOD, f"Over {images}, no accumulator overflowed.")
    yield _saturation(steps)


def _saturation(steps: tuple[StepFacts, ...]) -> Finding:
    """Clips at the ends of codes."""
    shares = {step.name: (step.saturation_clips or 0) / step.outputs for step in steps if step.outputs}
    many = {name: share for name, share in shares.items() if share >= _MANY}
    if not many:
        return Finding(Level.GOOD, f"No step saturates {percent(_MANY)} of its outputs or more.")
    worst = max(many, key=lambda name: many[name])
    who = "1 step saturates" if len(many) == 1 else f"{len(many)} steps each saturate"
    return Finding(
        Level.NOTE,
        f"{who} {percent(_MANY)} or more of the outputs, beyond what activation functions clip; "
        f"{worst} the most, {percent(many[worst])}.",
    )


def _accuracy(subject: Subject) -> Iterator[Finding]:
    found = subject.evaluation
    if found is None:
        return
    if found.integer_top1 is not None and found.float_top1 is not None:
        lost = 100 * (found.float_top1 - found.integer_top1)
        words = f"loses {lost:.1f} points of" if lost > 0 else "loses nothing of" if lost == 0 else "gains on"
        yield Finding(
            _loss_level(found, lost),
            f"On {plural(found.images, 'image')} the integer program {words} float's top-1: "
            f"{percent(found.integer_top1)} against {percent(found.float_top1)}{_interval(found)}.",
        )
    measured = [step for step in subject.steps if step.sqnr is not None]
    if measured:
        worst = min(measured, key=lambda step: step.sqnr or 0.0)
        yield Finding(
            Level.NOTE,
            f"The noisiest tensor is made by {worst.name}: {decibels(worst.sqnr)} dB against float.",
        )


def _loss_level(found: Evaluation, lost: float) -> Level:
    """A loss is bad if it is large and the images are enough to tell."""
    ends = _ends(found)
    if lost < 1:
        return Level.GOOD
    return Level.BAD if lost >= 5 and (ends is None or ends[1] < 0) else Level.NOTE


def _ends(found: Evaluation) -> tuple[float, float] | None:
    """Of the interval of the difference in top-1, integer minus float, over the same images."""
    ends: tuple[float, float] | None = found.measures.get("difference", {}).get("top1", {}).get("interval")
    return ends


def _interval(found: Evaluation) -> str:
    ends = _ends(found)
    if ends is None:
        return ""
    low, high = (f"{100 * end:+.1f}".replace("-", "\u2212") for end in ends)
    return f"; the difference lies between {low} and {high} points (95 %)"
