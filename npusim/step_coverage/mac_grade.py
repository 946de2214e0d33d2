"""Which bins of a mac step given inputs hit: searched for many outputs at a time, confirmed by the spec."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.analysis.rescale import Words
from npusim.coverage.bins import Bin
from npusim.coverage.propose import Effort
from npusim.coverage.report import Status
from npusim.coverage.unit import PipelineVector
from npusim.step_coverage.checker import check
from npusim.step_coverage.mac_bins import StepBin, StepKind, extreme, in_partial_block, mac_bins
from npusim.step_coverage.mac_cover import certificate_for
from npusim.step_coverage.mac_unit import MacUnit, StepUnit
from npusim.step_coverage.report import StepOutcome, Where
from npusim.step_coverage.shows import shows

_BY_SPEC = 2000
"""Accumulators of a channel group that the spec is asked about where the kernels cannot say."""

Place = tuple[int, int]
"""Flat pixel, counted through all images, and channel."""


class MacGrade:
    """A step's bins, and which of them the images seen so far hit."""

    def __init__(self, unit: MacUnit) -> None:
        self.unit = unit
        self._bins = mac_bins(unit)
        self._open = {one.name: one for one in self._bins}
        self._hit: dict[str, Where] = {}

    def look(self, image: int, codes: npt.NDArray[Any], accumulators: Words) -> None:
        """Look at some images, the first of them number `image`.

        Parameters
        ----------
        codes
            (images, rows, columns, channels)
        accumulators
            (images, pixels, channels)
        """
        pixels = accumulators.shape[1]
        for one, (flat, channel) in self._found(codes, accumulators.reshape(-1, accumulators.shape[2])):
            place, pixel = divmod(flat, pixels)
            at = divmod(pixel, self.unit.columns.out[1])
            if one.name in self._open and one.hit(self.unit, self.unit.observe(codes[place], at, channel)):
                self._hit[one.name] = Where(image + place, at, channel)
                del self._open[one.name]

    def outcomes(self) -> tuple[StepOutcome, ...]:
        """Every bin: hit, unreachable or missed."""
        return tuple(self._outcome(one) for one in self._bins)

    def _outcome(self, one: StepBin) -> StepOutcome:
        if one.name in self._hit:
            return StepOutcome(one.name, Status.HIT, self._hit[one.name])
        found = certificate_for(self.unit, one, Effort.ALL)
        if found is not None and check(self.unit, one, found):
            return StepOutcome(one.name, Status.UNREACHABLE, certificate=found)
        return StepOutcome(one.name, Status.MISSED)

    def _found(self, codes: npt.NDArray[Any], accumulators: Words) -> Iterator[tuple[StepBin, Place]]:
        """Outputs that likely hit bins that are still open."""
        open_ = list(self._open.values())
        yield from self._in_rescale([one for one in open_ if one.kind is StepKind.RESCALE], accumulators)
        for one in open_:
            if one.kind is StepKind.EXTREME and self.unit.exact:
                yield from _first(one, accumulators == extreme(self.unit, high=one.high))
            elif one.kind is StepKind.LAST:
                last = self.unit.columns.outputs - 1
                lit = accumulators[:, last] != int(self.unit.columns.bias[last])
                yield from _of_channel(one, lit, last)
        rest = [one for one in open_ if one.kind in _IN_WINDOWS]
        pixels = self.unit.columns.out[0] * self.unit.columns.out[1]
        for (place, image), channel in product(enumerate(codes), range(self.unit.columns.outputs)):
            rest = [one for one in rest if one.name in self._open]
            for one, pixel in self._in_windows(rest, image, channel) if rest else ():
                yield one, (place * pixels + pixel, channel)

    def _in_rescale(self, bins: list[StepBin], accumulators: Words) -> Iterator[tuple[StepBin, Place]]:
        for index, group in enumerate(self.unit.groups):
            its = np.array(group.channels)
            values, first = np.unique(accumulators[:, its], return_index=True)
            for one in bins:
                for at, wanted in one.bins:
                    if at != index:
                        continue
                    mask = shows(group, wanted, values)
                    mask = _by_spec(group, wanted, values) if mask is None else mask
                    if mask.any():
                        pixel, place = divmod(int(first[mask.argmax()]), len(its))
                        yield one, (pixel, int(its[place]))

    def _in_windows(
        self, bins: list[StepBin], codes: npt.NDArray[Any], channel: int
    ) -> Iterator[tuple[StepBin, int]]:
        """By the codes and products of every window of a channel: bins and pixels."""
        unit = self.unit
        terms = unit.terms(channel, unit.whole[0].pixel)
        weights = np.array([term.weight for term in terms], np.int64)
        read = windows(unit, codes, channel)
        products = (read - unit.columns.taken_off) * weights
        beats = np.array([term.beat for term in terms])
        sums = np.zeros((len(read), unit.beats), np.int64)
        lit = np.zeros((len(read), unit.beats), np.int64)
        for beat in range(unit.beats):
            sums[:, beat] = products[:, beats == beat].sum(axis=1)
            lit[:, beat] = (products[:, beats == beat] != 0).sum(axis=1)
        for one in bins:
            mask = self._mask(one, channel, read, weights, products, sums, lit)
            if mask is not None and mask.any():
                yield one, int(mask.argmax())

    def _mask(
        self,
        one: StepBin,
        channel: int,
        read: Words,
        weights: Words,
        products: Words,
        sums: Words,
        lit: Words,
    ) -> npt.NDArray[np.bool_] | None:
        unit = self.unit
        terms = unit.terms(channel, unit.whole[0].pixel)
        match one.kind:
            case StepKind.BEAT:
                return np.asarray(sums[:, one.place] == unit.beat_ends[one.place][one.high])
            case StepKind.ALONE:
                others = (lit > 0).sum(axis=1) == 1
                return np.asarray(others & (lit[:, one.place] > 0))
            case StepKind.PAIR:
                weight = one.values[1] - unit.weight_zero(channel)
                there = np.array([t.lane == one.place for t in terms]) & (weights == weight)
                return np.asarray((read[:, there] == one.values[0]).any(axis=1))
            case StepKind.PARTIAL:
                mine = [i for i, term in enumerate(terms) if in_partial_block(unit, term)]
                alone = [(products[:, i] != 0) & (lit[:, terms[i].beat] == 1) for i in mine]
                return np.asarray(np.logical_or.reduce(alone))
            case StepKind.OVERFLOW if not unit.exact:
                return self._overflows(one, channel, sums)
            case StepKind.PADDING:
                return self._padded(one, channel)
        return None

    def _overflows(self, one: StepBin, channel: int, sums: Words) -> npt.NDArray[np.bool_]:
        register, bias = self.unit.column.accumulator, int(self.unit.columns.bias[channel])
        late = np.full((len(sums), 1), bias, np.int64)
        prefix = np.cumsum(np.hstack([sums, late]), axis=1) if self.unit.column.late else (
            np.cumsum(sums, axis=1) + bias)  # fmt: skip
        fits = (prefix >= register.low) & (prefix <= register.high)
        beyond = prefix[:, one.place] > register.high if one.high else prefix[:, one.place] < register.low
        return np.asarray(fits[:, : one.place].all(axis=1) & beyond)

    def _padded(self, one: StepBin, channel: int) -> npt.NDArray[np.bool_]:
        columns = self.unit.columns
        mask = np.zeros(columns.out[0] * columns.out[1], bool)
        for inside in columns.classes:
            terms = self.unit.terms(channel, inside.pixel)
            if any(t.weight and t.tap == one.place and t.side == one.values for t in terms):
                for row, column in self.unit.pixels(inside):
                    mask[row * columns.out[1] + column] = True
        return mask


_IN_WINDOWS = frozenset({StepKind.BEAT, StepKind.ALONE, StepKind.PAIR, StepKind.PARTIAL, StepKind.OVERFLOW,
                         StepKind.PADDING})  # fmt: skip


def windows(unit: MacUnit, codes: npt.NDArray[Any], channel: int) -> Words:
    """What every pixel's window of a channel reads, padding included: int64[pixels, products]."""
    columns = unit.columns
    rows, places = (np.arange(columns.out[axis]) * columns.window.stride[axis] for axis in (0, 1))
    before, kernel = columns.window.pad_before, columns.window.kernel
    first, count = columns.first_channel(channel), int(columns.weights.shape[3])
    read = np.full((len(rows), len(places), columns.taps, count), columns.pad_code, np.int64)
    for tap in range(columns.taps):
        ky, kx = divmod(tap, kernel[1])
        y = rows - before[0] + ky * columns.window.dilation[0]
        x = places - before[1] + kx * columns.window.dilation[1]
        in_y, in_x = (y >= 0) & (y < columns.size[0]), (x >= 0) & (x < columns.size[1])
        part = codes[y[in_y]][:, x[in_x], first : first + count]
        read[np.ix_(np.flatnonzero(in_y), np.flatnonzero(in_x), np.array([tap]))] = part[:, :, None, :]
    return read.reshape(len(rows) * len(places), -1)


def _by_spec(group: StepUnit, wanted: Bin, values: Words) -> npt.NDArray[np.bool_]:
    assert group.held is not None
    held = group.held
    some = [wanted.hit(group, group.observe(PipelineVector(v, held))) for v in values[:_BY_SPEC].tolist()]
    return np.array([*some, *[False] * (len(values) - len(some))], np.bool_)


def _first(one: StepBin, mask: npt.NDArray[np.bool_]) -> Iterator[tuple[StepBin, Place]]:
    if mask.any():
        pixel, channel = divmod(int(mask.argmax()), mask.shape[1])
        yield one, (pixel, channel)


def _of_channel(one: StepBin, mask: npt.NDArray[np.bool_], channel: int) -> Iterator[tuple[StepBin, Place]]:
    if mask.any():
        yield one, (int(mask.argmax()), channel)
