"""Accumulator ranges of passes that go on from partial sums (A7): all passes read the same codes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from npusim.analysis.bounds import Bounds, End, Extreme, Moment, Words, bounds
from npusim.analysis.columns import Columns, columns_of
from npusim.datapath.model import Datapath
from npusim.errors import InputError
from npusim.spec.interval import Interval
from npusim.spec.mac import BiasPlace
from npusim.steps.accumulate import AccumulateStep
from npusim.steps.base import TensorType

_LIMIT = 1 << 62

Sums = dict[str, tuple[str, Columns]]
"""By tensor of partial sums, what they are sums of: a tensor of codes, the weights of all passes as one."""


def pass_columns(
    step: AccumulateStep, x: TensorType, output: TensorType, datapath: Datapath, sums: Sums
) -> tuple[Columns, Columns, Columns] | None:
    """A pass alone; what it goes on from, shifted; both as one sum of products with whole weights.

    None if the partial sums do not come from passes over the same codes.
    """
    own = columns_of(step, x, output, datapath)
    assert own is not None
    own = _without_zero(own)
    if not step.resumes:
        return own, _scaled(own, 0), own
    read, before = sums.get(step.inputs[1], ("", own))
    if read != step.inputs[0] or before.size != own.size or before.window != own.window:
        return None
    held = _scaled(before, 1 << step.shift)
    weights = _whole(held.weights) + own.weights
    return own, held, replace(own, weights=weights, bias=held.bias + own.bias, before=held)


def resumed_bounds(own: Columns, held: Columns, both: Columns, codes: Interval) -> Bounds:
    """The exact ranges: each end is reached by some input.

    After b beats the accumulator holds all products of the passes before and b beats of this one; codes
    are independent, so that each product's extreme counts: that of both weights as one where this
    pass has been, of the held weight elsewhere.
    """
    alone = bounds(replace(own, bias=np.zeros_like(own.bias)), codes)
    late = own.bias_place is BiasPlace.LATE
    start = held.bias if late else held.bias + own.bias
    ends: dict[tuple[Moment, End], Extreme] = {}
    for index, seen in enumerate(own.classes):
        for end in End:
            held_beats = held.beats(_cells(held, codes, seen.inside, end))
            beats = both.beats(_cells(both, codes, seen.inside, end))
            base = held_beats.sum(axis=1)
            loaded = start + base
            running = loaded[:, None] + np.cumsum(beats - held_beats, axis=1)
            values = [held.bias + base, loaded, *running.T]
            values += [running[:, -1] + own.bias] if late else []
            farthest = np.argmin(values, axis=0) if end is End.LOW else np.argmax(values, axis=0)
            for moment, at in ((Moment.PREFIX, farthest), (Moment.FINAL, _last(own, values))):
                value = np.take_along_axis(np.array(values), at[None], axis=0)[0]
                beats_until = np.maximum(at - 1, 0)  # the first two are the loads
                _take(ends, moment, end, Extreme(value, np.full(own.outputs, index), beats_until))
    return Bounds(codes, ends, alone.tree)


def held_bounds(own: Columns, held: Interval, codes: Interval) -> Bounds:
    """Safe ranges when nothing is known of the partial sums but their range."""
    alone = bounds(own, codes)
    ends = {}
    for (moment, end), extreme in alone.ends.items():
        value = extreme.value + (held.low if end is End.LOW else held.high)
        if moment is Moment.PREFIX:  # the partial sum before the bias
            value = np.minimum(value, held.low) if end is End.LOW else np.maximum(value, held.high)
        ends[moment, end] = replace(extreme, value=value)
    return Bounds(codes, ends, alone.tree)


def _take(ends: dict[tuple[Moment, End], Extreme], moment: Moment, end: End, found: Extreme) -> None:
    known = ends.get((moment, end), found)
    ends[moment, end] = known.better(found.value, int(found.pixel_class[0]), found.beats, end)


def _last(columns: Columns, values: list[Words]) -> Words:
    return np.full(columns.outputs, len(values) - 1, np.int64)


def _cells(columns: Columns, codes: Interval, inside: npt.NDArray[np.bool_], end: End) -> Words:
    """Each (tap, block)'s extreme sum for pixels that see these taps, int64[O, taps, blocks]."""
    positive, negative = columns.parts
    least, most, pad = (code - columns.taken_off for code in (codes.low, codes.high, columns.pad_code))
    _check_width(columns, max(abs(least), abs(most), abs(pad)))
    for_positive, for_negative = (least, most) if end is End.LOW else (most, least)
    read = positive * for_positive + negative * for_negative
    made: Words = np.where(inside[:, None], read, (positive + negative) * pad)
    return made


def _check_width(columns: Columns, greatest: int) -> None:
    positive, negative = columns.parts
    reach = int((positive - negative).sum(axis=(1, 2)).max()) * greatest + int(np.abs(columns.bias).max())
    if reach >= _LIMIT:
        raise InputError(
            "accumulators may leave 62 bits: nothing is proven", key="weights", found=f"up to {reach}"
        )


def _whole(weights: np.ndarray) -> Words:
    return weights.astype(np.int64)


def _without_zero(columns: Columns) -> Columns:
    zero = np.asarray(columns.weight_zero, np.int64).reshape(-1, 1, 1, 1)
    return replace(columns, weights=_whole(columns.weights) - zero, weight_zero=0)


def _scaled(columns: Columns, factor: int) -> Columns:
    return replace(columns, weights=columns.weights * factor, bias=columns.bias * factor, before=None)
