"""Re-checks certificates of mac steps: from weights, codes and shapes, with nothing of the solver's."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from itertools import product

import numpy as np

from npusim.analysis.rescale import Words
from npusim.coverage.bins import Bin
from npusim.coverage.checker import check as check_rescale
from npusim.spec.interval import Interval
from npusim.spec.width import Overflow
from npusim.step_coverage.certificates import Argument, StepCertificate
from npusim.step_coverage.mac_bins import StepBin, StepKind
from npusim.step_coverage.mac_unit import MacUnit, Seen, StepUnit, Term
from npusim.step_coverage.mac_window import Window
from npusim.step_coverage.shows import shows

MOST_WINDOWS = 1 << 14
"""Windows of a step whose codes are few enough to be looked at one by one."""

MOST_SUMS = 1 << 25
"""Sums times products that are looked at for one channel."""


def check(unit: MacUnit, wanted: StepBin, certificate: StepCertificate) -> bool:
    """Whether a certificate proves that no input of a step hits a bin."""
    match certificate.argument:
        case Argument.RANGES:
            return wanted.kind is StepKind.RESCALE and _ranges(unit, wanted, certificate)
        case Argument.SUMS:
            return wanted.kind is StepKind.RESCALE and _sums(unit, wanted, certificate)
        case Argument.WRITES:
            return wanted.kind is StepKind.OVERFLOW and _writes(unit, wanted, certificate)
        case Argument.PLACES:
            return products(unit, wanted) == (certificate.cases, False)
        case Argument.CODES:
            seen = every_window(unit)
            return bool(seen) and len(seen) == certificate.cases and not any(
                wanted.hit(unit, one) for _, one in seen
            )  # fmt: skip


@lru_cache(maxsize=4)
def every_window(unit: MacUnit) -> list[tuple[Window, Seen]]:
    """What the spec makes of all codes in every kind of window of every channel; empty if that is much."""
    columns, codes = unit.columns, range(unit.codes.low, unit.codes.high + 1)
    free = [int(one.inside.sum()) * int(columns.weights.shape[3]) for one in columns.classes]
    if sum(len(codes) ** min(count, 99) for count in free) * columns.outputs > MOST_WINDOWS:
        return []
    found = []
    for channel, inside in product(range(columns.outputs), columns.classes):
        terms = unit.terms(channel, inside.pixel)
        places = [term.place for term in terms if term.place is not None]
        for chosen in product(codes, repeat=len(places)):
            image = np.zeros(columns.size, np.int64)
            for place, code in zip(places, chosen, strict=True):
                image[place] = code
            following = iter(chosen)
            read = tuple(None if term.place is None else next(following) for term in terms)
            found.append((Window(channel, inside, read), unit.observe(image, inside.pixel, channel)))
    return found


def _ranges(unit: MacUnit, wanted: StepBin, certificate: StepCertificate) -> bool:
    if not len(certificate.accumulators) == len(certificate.rescale) == len(wanted.bins):
        return False
    for (index, one), (low, high), rescale in zip(
        wanted.bins, certificate.accumulators, certificate.rescale, strict=True
    ):
        group = unit.groups[index]
        if any(not _within(unit, channel, low, high) for channel in group.channels):
            return False
        claimed = StepUnit(
            group.datapath,
            group.operation,
            held=group.held,
            accumulators=Interval(low, high),
            channels=group.channels,
        )
        if not check_rescale(claimed, one, rescale):
            return False
    return True


def _within(unit: MacUnit, channel: int, low: int, high: int) -> bool:
    """Whether what a channel's accumulator can hold lies between two numbers, added up product by product."""
    register = unit.datapath.mac.accumulator.register
    if low <= register.low and high >= register.high:
        return True
    least, most = sums_range(unit, channel)
    fits = _order_free(unit, channel)
    return fits and low <= least and most <= high


def sums_range(unit: MacUnit, channel: int) -> tuple[int, int]:
    """The least and the greatest sum of a channel."""
    off, bias = unit.columns.taken_off, int(unit.columns.bias[channel])
    found = []
    for inside in unit.columns.classes:
        ends = [
            [t.weight * (code - off) for code in unit.codes_at(t)] for t in unit.terms(channel, inside.pixel)
        ]
        found.append((bias + sum(map(min, ends)), bias + sum(map(max, ends))))
    return min(low for low, _ in found), max(high for _, high in found)


def _order_free(unit: MacUnit, channel: int) -> bool:
    """Whether no sum of any of a channel's products can overflow anything (A5)."""
    register, tree = unit.datapath.mac.accumulator.register, unit.datapath.mac.column.tree
    off = unit.columns.taken_off
    for inside in unit.columns.classes:
        terms = unit.terms(channel, inside.pixel)
        most = sum(max(abs(t.weight * (code - off)) for code in unit.codes_at(t)) for t in terms)
        total = most + abs(int(unit.columns.bias[channel]))
        if total > register.high or (tree is not None and total > tree.high):
            return False
    return True


def _sums(unit: MacUnit, wanted: StepBin, certificate: StepCertificate) -> bool:
    if len(certificate.sums) != len(wanted.bins):
        return False
    for (index, one), counts in zip(wanted.bins, certificate.sums, strict=True):
        group = unit.groups[index]
        if len(counts) != len(group.channels):
            return False
        for channel, count in zip(group.channels, counts, strict=True):
            found = every_sum(unit, channel)
            if found is None or len(found) != count or _some(group, one, found):
                return False
    return True


def _some(group: StepUnit, one: Bin, accumulators: Words) -> bool:
    """Whether any accumulator hits a bin; if the kernels cannot say: yes."""
    mask = shows(group, one, accumulators)
    return mask is None or bool(mask.any())


def every_sum(unit: MacUnit, channel: int) -> Words | None:
    """All that a channel can sum up, ascending; None if that is too much, or sums may overflow.

    Product by product: a number is a sum if any of those below it, at most as many steps of the product's
    weight as there are codes, was one before.
    """
    if not _order_free(unit, channel):
        return None
    low, high = sums_range(unit, channel)
    off, bias = unit.columns.taken_off, int(unit.columns.bias[channel])
    made = np.zeros(high - low + 1, bool)
    for inside in unit.whole:
        terms = [t for t in unit.terms(channel, inside.pixel) if t.weight]
        if len(terms) * (high - low + 1) > MOST_SUMS * 8:
            return None
        start, reach = bias, np.zeros(high - low + 1, bool)
        for term in terms:
            start += min(term.weight * (code - off) for code in unit.codes_at(term))
        reach[start - low] = True
        for term in terms:
            first, last = unit.codes_at(term)
            if last > first:
                reach = _spread(reach, abs(term.weight), last - first)
        made |= reach
    return np.flatnonzero(made) + low


def _spread(reach: np.ndarray, step: int, times: int) -> np.ndarray:
    """Every number with a member at most `times` steps below it."""
    rows = -(-len(reach) // step)
    grid = np.zeros(rows * step, np.int32)
    grid[: len(reach)] = reach
    counts = np.cumsum(grid.reshape(rows, step), axis=0, dtype=np.int32)
    counts[times + 1 :] -= counts[: -times - 1].copy() if rows > times + 1 else 0
    return np.asarray(counts.reshape(-1)[: len(reach)] > 0)


def _writes(unit: MacUnit, wanted: StepBin, certificate: StepCertificate) -> bool:
    found = write_ranges(unit, wanted.place + 1)
    if len(certificate.writes) != len(found):
        return False
    inside = zip(certificate.writes, found, strict=True)
    if any(low > least or high < most for (low, high), (least, most) in inside):
        return False
    register = unit.datapath.mac.accumulator.register
    low, high = certificate.writes[-1]
    return high <= register.high if wanted.high else low >= register.low


def write_ranges(unit: MacUnit, writes: int) -> list[tuple[int, int]]:
    """The least and the greatest exact sum of each of the first writes, over all channels and windows.

    What a write that overflowed may leave lies in the register; a sum from there can be anything from there.
    """
    register, off = unit.datapath.mac.accumulator.register, unit.columns.taken_off
    wraps = unit.datapath.mac.accumulator.overflow is Overflow.WRAP
    late = unit.column.late
    ranges: list[tuple[int, int] | None] = [None] * writes
    for channel in range(unit.columns.outputs):
        bias = int(unit.columns.bias[channel])
        for inside in unit.columns.classes:
            ends = [[0, 0] for _ in range(unit.beats)] + [[bias, bias]]
            for t in unit.terms(channel, inside.pixel):
                made = [t.weight * (code - off) for code in unit.codes_at(t)]
                ends[t.beat][0] += min(made)
                ends[t.beat][1] += max(made)
            low = high = 0 if late else bias
            for write in range(writes):
                low, high = low + ends[write][0], high + ends[write][1]
                known = ranges[write] or (low, high)
                ranges[write] = (min(known[0], low), max(known[1], high))
                if low < register.low or high > register.high:
                    low, high = (register.low, register.high) if wraps else (
                        max(low, register.low), min(high, register.high))  # fmt: skip
    return [each for each in ranges if each is not None]


def products(unit: MacUnit, wanted: StepBin) -> tuple[int, bool]:
    """How many products there are to look at, and whether one of them, or some together, may hit a bin."""
    may = _MAY.get(wanted.kind)
    if may is None:
        return 0, True
    count, hit = 0, False
    for channel in range(unit.columns.outputs):
        for inside in unit.columns.classes:
            terms = unit.terms(channel, inside.pixel)
            count += len(terms)
            hit = hit or may(unit, wanted, terms)
    return count, hit


def _may_pad(unit: MacUnit, wanted: StepBin, terms: tuple[Term, ...]) -> bool:
    return any(t.weight and t.tap == wanted.place and t.side == wanted.values for t in terms)


def _may_stand_alone(unit: MacUnit, wanted: StepBin, terms: tuple[Term, ...]) -> bool:
    """Whether a beat can add something while all others add nothing."""
    others = (t for t in terms if t.beat != wanted.place)
    return any(map(_lit(unit), (t for t in terms if t.beat == wanted.place))) and all(
        map(_dark(unit), others)
    )


def _may_be_partial(unit: MacUnit, wanted: StepBin, terms: tuple[Term, ...]) -> bool:
    lit = _lit(unit)
    return any(lit(t) for t in terms if t.lane == wanted.place)


def _may_be_last(unit: MacUnit, wanted: StepBin, terms: tuple[Term, ...]) -> bool:
    last = unit.terms(unit.columns.outputs - 1, unit.whole[0].pixel)
    return any(map(_lit(unit), last))


def _lit(unit: MacUnit) -> Callable[[Term], bool]:
    off = unit.columns.taken_off
    return lambda t: any(t.weight * (code - off) for code in unit.codes_at(t))


def _dark(unit: MacUnit) -> Callable[[Term], bool]:
    off = unit.columns.taken_off
    return lambda t: not t.weight or unit.codes_at(t)[0] <= off <= unit.codes_at(t)[1]


_MAY: dict[StepKind, Callable[[MacUnit, StepBin, tuple[Term, ...]], bool]] = {
    StepKind.PADDING: _may_pad,
    StepKind.ALONE: _may_stand_alone,
    StepKind.PARTIAL: _may_be_partial,
    StepKind.LAST: _may_be_last,
}
