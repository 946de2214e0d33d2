"""Histograms of accumulators against what was proven and what the register holds."""

from __future__ import annotations

import numpy as np

from npusim.html import Markup, tag
from npusim.report import svg
from npusim.report.facts import Report, StepFacts
from npusim.report.gallery import gallery
from npusim.report.histograms import Histogram, signed_log
from npusim.report.text import integer, key, name, plural, section
from npusim.spec.interval import Interval

_WIDTH, _HEIGHT, _TOP, _BASE = 264.0, 92.0, 6.0, 72.0


def accumulators(report: Report) -> Markup | None:
    """One small picture per step; the tightest first."""
    facts = [step for step in report.subject.steps if step.name in report.histograms and step.proof]
    if not facts:
        return None
    tight = sorted(facts, key=lambda step: step.proof.headroom if step.proof else 0)
    pictures = {step.name: _picture(step, report.histograms[step.name]) for step in facts}
    intro = tag(
        "p",
        f"Of {plural(report.histogram_images, 'image')}. The axis counts bits to either side of zero, so the "
        "edges of each picture are the ends of the register; heights are logarithmic.",
        class_="intro",
    )
    legend = key(
        ("seen", "accumulators seen"),
        ("reach", "range proven over all inputs"),
        ("limit", "ends of the register"),
    )
    shown = gallery([s.name for s in tight], [s.name for s in facts], pictures, "tightest", "histograms")
    return section("accumulators", "Accumulators", intro, legend, shown)


def _picture(step: StepFacts, histogram: Histogram) -> Markup:
    proven = step.proven or Interval(0, 0)
    ends = signed_log([proven.low, proven.high])
    bits = histogram.bits
    reach = max(bits - 1.0, float(np.abs(ends).max()))
    across = svg.Axis(-reach - 0.5, reach + 0.5, 0, _WIDTH)
    parts = [svg.rectangle(across(ends[0]), _TOP, across(ends[1]) - across(ends[0]), _BASE - _TOP, "reach")]
    parts.append(_area(histogram, across))
    for limit, anchor in ((1 - bits, "start"), (bits - 1, "end")):
        parts.append(svg.line(across(limit), _TOP - 4, across(limit), _BASE + 4, "limit"))
        sign = "\u2212" if limit < 0 else ""
        parts.append(svg.words(across(limit), _HEIGHT - 5, _power(sign, bits - 1), anchor=anchor))
    parts.append(svg.line(0, _BASE, _WIDTH, _BASE, "axis"))
    parts.append(svg.line(across(0), _BASE, across(0), _BASE + 4, "axis"))
    parts.append(svg.words(across(0), _HEIGHT - 5, "0", anchor="middle"))
    seen = step.seen
    words = f"{step.proven_bits} of {step.available_bits} bits proven"
    if seen is not None:
        words = f"{seen.bits} bits seen, {words}"
    label = f"{step.name}: histogram of accumulators; {words}"
    title = f"proven {integer(proven.low)} to {integer(proven.high)}"
    if seen is not None:
        title += f"; seen {integer(seen.low)} to {integer(seen.high)}"
    weak = step.proof is not None and step.proof.overflow_possible
    return tag(
        "figure",
        tag("figcaption", tag("b", name(step.name)), tag("small", words), class_="bad" if weak else None),
        svg.picture(_WIDTH, _HEIGHT, label, *parts),
        tag("p", title, class_="range"),
    )


def _power(sign: str, exponent: int) -> Markup:
    return tag("tspan", f"{sign}2", tag("tspan", exponent, dy="-4", class_="raised"))


def _area(histogram: Histogram, across: svg.Axis) -> Markup:
    counts = histogram.counts
    used = np.flatnonzero(counts)
    first, last = int(used[0]), int(used[-1])
    edges = np.linspace(-histogram.bits, histogram.bits, len(counts) + 1)
    levels = np.log1p(counts[first : last + 1]) / np.log1p(counts.max())
    heights = [_BASE - (_BASE - _TOP - 2) * float(level) for level in levels]
    places = [across(float(edge)) for edge in edges[first : last + 2]]
    return svg.steps(places, heights, _BASE, "seen")
