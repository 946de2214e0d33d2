"""Stimulus for the bins of a mac step: codes of one window, for one channel."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import islice, product

from npusim.analysis.columns import PixelClass
from npusim.coverage.bins import Pin
from npusim.coverage.residues import Residues
from npusim.coverage.solve import value_sets
from npusim.coverage.unit import Registers
from npusim.spec.stages.base import value_of
from npusim.step_coverage.mac_bins import (
    StepBin,
    StepKind,
    code_corners,
    extreme,
    in_partial_block,
)
from npusim.step_coverage.mac_unit import MacUnit, Term
from npusim.step_coverage.mac_window import Window
from npusim.step_coverage.sums import Sums

_SETS = 64
"""Sets of accumulators that are tried for one condition."""

_MEMBERS = 48
"""Members of such a set that are tried where only some sums are known."""


class Solver:
    """Looks for windows that hit bins.

    Parameters
    ----------
    budget
        Channels tried for one bin, each with many sums.
    """

    def __init__(self, unit: MacUnit, budget: int, seed: int) -> None:
        self._unit, self._budget = unit, budget
        self._rng = random.Random(seed)
        self.sums = cache(self._sums)

    def windows(self, one: StepBin) -> Iterator[Window]:
        """Candidates, the likeliest first."""
        yield from _SOLVERS[one.kind](self, one)

    def _channels(self, channels: Sequence[int]) -> list[int]:
        """Some channels: spread over all of them."""
        step = max(1, len(channels) // self._budget)
        return list(channels[::step])[: self._budget]

    def _sums(self, channel: int) -> tuple[Sums, int, tuple[Term, ...]]:
        """The sums of a channel's products, what is added to them, and the products."""
        unit = self._unit
        terms = unit.terms(channel, unit.whole[0].pixel)
        off = unit.columns.taken_off
        free = [term.weight for term in terms if term.weight and term.place is not None]
        fixed = int(unit.columns.bias[channel])
        for term in terms:
            fixed += term.weight * ((unit.columns.pad_code if term.place is None else 0) - off)
        return Sums(free, unit.codes, start=off), fixed, terms

    def window(self, channel: int, accumulator: int) -> Window | None:
        """A window whose exact sum is `accumulator`; None if none was found."""
        sums, fixed, terms = self.sums(channel)
        found = sums.codes(accumulator - fixed, self._rng)
        if found is None:
            return None
        codes = iter(found)
        read = (next(codes) if term.weight and term.place is not None else None for term in terms)
        return Window(channel, self._unit.whole[0], tuple(read))

    def rescale(self, one: StepBin) -> Iterator[Window]:
        """By the accumulators that the rescale needs."""
        for index, wanted in one.bins:
            group = self._unit.groups[index]
            assert group.held is not None
            for condition in wanted.conditions:
                if not all(_holds(pin, group.held) for pin in condition.pins):
                    continue
                sets = list(islice(value_sets(group, condition, group.held), _SETS))
                for channel in self._channels(group.channels):
                    yield from self._of_sets(channel, sets)

    def _of_sets(self, channel: int, sets: Sequence[Residues]) -> Iterator[Window]:
        reach = self._unit.accumulators(channel)
        for values in sets:
            for accumulator in _members(values.within(reach)):
                found = self.window(channel, accumulator)
                if found is not None:
                    yield found

    def extreme(self, one: StepBin) -> Iterator[Window]:
        """All codes at the end that their weight wants."""
        wanted = extreme(self._unit, high=one.high)
        for channel in range(self._unit.columns.outputs):
            reach = self._unit.accumulators(channel)
            if wanted == (reach.high if one.high else reach.low):
                for inside in self._classes:
                    yield self._pushed(channel, inside, one.high)

    def beat(self, one: StepBin) -> Iterator[Window]:
        """The codes of one beat at their ends."""
        wanted = self._unit.beat_ends[one.place][one.high]
        for inside, channel in product(self._classes, range(self._unit.columns.outputs)):
            window = self._pushed(channel, inside, one.high, one.place)
            if self._beat_sum(window, one.place) == wanted:
                yield window

    @property
    def _classes(self) -> list[PixelClass]:
        """All classes of pixels, whole windows first."""
        whole = self._unit.whole
        return [*whole, *(each for each in self._unit.columns.classes if each not in whole)]

    def _pushed(self, channel: int, inside: PixelClass, high: bool, beat: int | None = None) -> Window:
        """Codes at the end that their weight wants; of one beat, or of all."""
        codes: list[int | None] = []
        for term in self._unit.terms(channel, inside.pixel):
            best = self._unit.codes.high if (term.weight > 0) == high else self._unit.codes.low
            wanted = best if beat in (None, term.beat) else self._nothing
            codes.append(None if term.place is None else wanted)
        return Window(channel, inside, tuple(codes))

    def _beat_sum(self, window: Window, beat: int) -> int:
        columns, total = self._unit.columns, 0
        terms = self._unit.terms(window.channel, window.inside.pixel)
        for term, code in zip(terms, window.codes, strict=True):
            if term.beat == beat:
                total += term.weight * ((columns.pad_code if code is None else code) - columns.taken_off)
        return total

    @property
    def _nothing(self) -> int:
        """The code whose product is 0, or the nearest one."""
        codes = self._unit.codes
        return min(max(self._unit.columns.taken_off, codes.low), codes.high)

    def overflow(self, one: StepBin) -> Iterator[Window]:
        """Beats pushed towards an end, as far as the register takes them; then the one that shall not fit."""
        unit, register = self._unit, self._unit.column.accumulator
        end = register.high if one.high else register.low
        for channel in self._channels(range(unit.columns.outputs)):
            inside = unit.whole[0]
            terms = unit.terms(channel, inside.pixel)
            held = 0 if unit.column.late else int(unit.columns.bias[channel])
            codes: list[int | None] = [None if t.place is None else self._nothing for t in terms]
            for place in sorted(range(len(terms)), key=lambda i: terms[i].beat):
                term = terms[place]
                if term.place is None or not term.weight or term.beat > one.place:
                    continue
                best = unit.codes.high if (term.weight > 0) == one.high else unit.codes.low
                more = term.weight * (best - self._nothing)
                fits = abs(held + more) <= abs(end)
                if term.beat == one.place or fits:
                    codes[place], held = best, held + more
            yield Window(channel, inside, tuple(codes))

    def alone(self, one: StepBin) -> Iterator[Window]:
        """One beat that adds something, the others nothing."""
        yield from self._single(lambda term: term.beat == one.place)

    def partial(self, one: StepBin) -> Iterator[Window]:
        """The last lane of a partial block alone."""
        yield from self._single(lambda term: in_partial_block(self._unit, term))

    def last(self, one: StepBin) -> Iterator[Window]:
        """Anything of the last channel."""
        yield from self._single(lambda term: True, [self._unit.columns.outputs - 1])

    def _single(
        self, which: Callable[[Term], bool], channels: Sequence[int] | None = None
    ) -> Iterator[Window]:
        unit = self._unit
        for channel in range(unit.columns.outputs) if channels is None else channels:
            for inside in unit.whole:
                terms = unit.terms(channel, inside.pixel)
                lit = next((t for t in terms if which(t) and t.weight and t.place is not None), None)
                if lit is None:
                    continue
                code = unit.codes.high if unit.codes.high != unit.columns.taken_off else unit.codes.low
                codes = [None if t.place is None else code if t is lit else self._nothing for t in terms]
                yield Window(channel, inside, tuple(codes))

    def pair(self, one: StepBin) -> Iterator[Window]:
        """A code where a weight stands."""
        unit = self._unit
        code, weight = one.values
        for channel in range(unit.columns.outputs):
            wanted = weight - unit.weight_zero(channel)
            for inside in unit.whole:
                terms = unit.terms(channel, inside.pixel)
                lit = [t.weight == wanted and t.lane == one.place and t.place is not None for t in terms]
                if any(lit):
                    codes = tuple(code if there else None for there in lit)
                    yield Window(channel, inside, codes)

    def padding(self, one: StepBin) -> Iterator[Window]:
        """Any window that lies so."""
        unit = self._unit
        for inside in unit.columns.classes:
            sides = {t.side for t in unit.terms(0, inside.pixel) if t.tap == one.place}
            if one.values not in sides:
                continue
            for channel in range(unit.columns.outputs):
                terms = unit.terms(channel, inside.pixel)
                yield Window(channel, inside, tuple(
                    None if t.place is None else code_corners(unit)[0] for t in terms))  # fmt: skip


def _holds(pin: Pin, held: Registers) -> bool:
    return sum(value_of(operand, held) for operand in pin.operands) == pin.value


def _members(values: Residues) -> list[int]:
    """Some members, those in the middle first: they are the easiest sums."""
    if not values:
        return []
    step, count = values.modulus, len(values)
    middle = values.first + step * (count // 2)
    around = [middle + step * off * sign for off in range(_MEMBERS // 2) for sign in (1, -1)]
    return list(dict.fromkeys(v for v in [*around, values.first, values.last] if v in values))


_SOLVERS: dict[StepKind, Callable[[Solver, StepBin], Iterator[Window]]] = {
    StepKind.RESCALE: Solver.rescale,
    StepKind.EXTREME: Solver.extreme,
    StepKind.OVERFLOW: Solver.overflow,
    StepKind.BEAT: Solver.beat,
    StepKind.ALONE: Solver.alone,
    StepKind.PAIR: Solver.pair,
    StepKind.PADDING: Solver.padding,
    StepKind.PARTIAL: Solver.partial,
    StepKind.LAST: Solver.last,
}
