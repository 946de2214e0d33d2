"""How much of the codes' range each output channel's weights use, with and without a scale of its own."""

from __future__ import annotations

from collections import Counter

import numpy as np

from npusim.html import Markup, tag
from npusim.report import svg
from npusim.report.facts import Report
from npusim.report.gallery import gallery
from npusim.report.text import key, name, plural, section
from npusim.report.weights import WeightRanges, code_bits, weight_ranges

_WIDTH, _HEIGHT, _LEFT, _TOP, _BASE = 264.0, 96.0, 18.0, 10.0, 92.0

_EACH = (
    "Each column is an output channel, the narrowest first; its height is how many bits of the weight codes "
    "its greatest weight fills. "
)
_SHARED = "The channels of each layer share one scale."


def weights(report: Report) -> Markup | None:
    """One small picture per MAC step; the most uneven first."""
    ranges = list(weight_ranges(report.subject.program))
    if not ranges:
        return None
    uneven = sorted(ranges, key=lambda found: -_spread(found))
    pictures = {found.step: _picture(found) for found in ranges}
    scaled = any(found.scaled for found in ranges)
    shifts = any(found.shifts.any() for found in ranges)
    intro = tag("p", _EACH, _gain_words(shifts) if scaled else _SHARED, class_="intro")
    gained = "gained by the shift scaler" if shifts else "gained by a scale per channel"
    entries = [("before", "with one scale for the layer")]
    legend = key(*entries, *([("gain", gained)] if scaled else []))
    shown = gallery([r.step for r in uneven], [r.step for r in ranges], pictures, "most uneven", "layers")
    return section("weights", "Weights", intro, legend, shown)


def _gain_words(shifts: bool) -> str:
    how = "2 to the power of its inverse shift" if shifts else "a multiplier of its own"
    return (
        f"Below 0 all would be rounded to nothing or \u00b11. What a channel gains by {how} is drawn on top."
    )


def _spread(found: WeightRanges) -> float:
    """Bits that one scale for all would cost a channel, on average."""
    bits = code_bits(found.before[found.before > 0])
    return float(np.mean(bits.max() - bits)) if len(bits) else 0.0


def _picture(found: WeightRanges) -> Markup:
    used = np.flatnonzero(found.codes)
    order = used[np.argsort(found.before[used], kind="stable")]
    before, after = code_bits(found.before[order]), code_bits(found.codes[order].astype(np.float64))
    top = int(np.ceil(np.log2(found.greatest)))
    lowest = min(0, int(np.floor(before.min(initial=0.0))))
    up = svg.Axis(lowest, top, _BASE, _TOP)
    edges = np.linspace(_LEFT, _WIDTH, len(order) + 1).tolist()
    parts = [svg.line(_LEFT, up(tick), _WIDTH, up(tick), "gridline") for tick in sorted({0, top})]
    parts += [svg.words(_LEFT - 4, up(tick) + 3, tick, anchor="end") for tick in sorted({lowest, 0, top})]
    if found.scaled:
        parts.append(svg.steps(edges, [up(value) for value in after], _BASE, "gain"))
    parts.append(svg.steps(edges, [up(value) for value in before], _BASE, "before"))
    words = f"{plural(len(found.codes), 'channel')}, {_words(found)}"
    label = f"{found.step}: bits used by each channel's weights; {words}"
    return tag(
        "figure",
        tag(
            "figcaption",
            tag("b", name(found.step)),
            tag("small", f"{found.operation}, {plural(len(found.codes), 'channel')}"),
        ),
        svg.picture(_WIDTH, _HEIGHT, label, *parts),
        tag("p", _words(found), class_="range"),
    )


def _words(found: WeightRanges) -> str:
    """Which shifts how many channels have, and what a picture cannot show."""
    words = []
    if found.shifts.any():
        counted = sorted(Counter(found.shifts.tolist()).items())
        shifts = ", ".join(f"{shift}\u00a0\u00d7\u00a0{count}" for shift, count in counted)
        words.append(f"shift \u00d7 channels: {shifts}")
    elif found.scaled:
        least = found.before[found.before > 0].min()
        words.append(f"one scale would leave the narrowest channel {least:.1f} of {found.greatest} codes")
    dead = int(np.count_nonzero(found.codes == 0))
    if dead:
        words.append(f"{plural(dead, 'channel')} all zero")
    return "; ".join(words) or "one scale"
