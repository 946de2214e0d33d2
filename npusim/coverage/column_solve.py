"""Vectors for the bins of a MAC column: as many greatest products as an end of the register takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

from npusim.coverage.column_bins import ColumnBin, ColumnKind, corners
from npusim.coverage.column_states import by_states, small
from npusim.coverage.column_unit import ColumnUnit, ColumnVector, filled
from npusim.spec.interval import Interval

Pair = tuple[int, int]


def solve_column(unit: ColumnUnit, wanted: ColumnBin) -> ColumnVector | None:
    """A vector that hits a bin, confirmed by the spec; None if none was found."""
    for vector in _candidates(unit, wanted):
        if unit.problem(vector) is None and wanted.hit(unit, vector, unit.observe(vector)):
            return vector
    return None


def _candidates(unit: ColumnUnit, wanted: ColumnBin) -> Iterator[ColumnVector]:
    match wanted.kind:
        case ColumnKind.PAIR:
            x, w = wanted.values
            yield filled(unit, [[(x, w)] * unit.lanes] * unit.beats, 0)
        case ColumnKind.REGISTER:
            held = {"bias": 0, "x_zero": 0, "weight_zero": 0, wanted.register: wanted.values[0]}
            held["bias"] = held["bias"] if held["bias"] in unit.bias else unit.bias.low
            beats = [[(corners(unit.activation)[0], corners(unit.weight)[0])] * unit.lanes] * unit.beats
            yield filled(unit, beats, held["bias"], (held["x_zero"], held["weight_zero"]))
        case ColumnKind.ALONE:
            yield from _alone(unit, wanted)
        case _:
            for zeros in product(_ends(unit.x_zero), _ends(unit.weight_zero)):
                yield from _towards_end(unit, wanted, zeros)
            if small(unit) and wanted.kind in {ColumnKind.FIRST_OVERFLOW, ColumnKind.AT_END}:
                found = by_states(unit, wanted)
                if found is not None:
                    yield found


def _ends(held: Interval) -> list[int]:
    return [value for value in dict.fromkeys([0, held.low, held.high]) if value in held]


def _alone(unit: ColumnUnit, wanted: ColumnBin) -> Iterator[ColumnVector]:
    zeros = (_ends(unit.x_zero)[0], _ends(unit.weight_zero)[0])
    nothing = filled(unit, [], 0, zeros)
    pair = (unit.activation.high, unit.weight.high)
    if pair[0] == zeros[0] or pair[1] == zeros[1]:
        pair = (unit.activation.low, unit.weight.low)
    beats = [
        list(zip(xs, ws, strict=True)) for xs, ws in zip(nothing.activations, nothing.weights, strict=True)
    ]
    beats[wanted.place][wanted.values[0]] = pair
    yield filled(unit, beats, 0, zeros)


def _extreme_pair(unit: ColumnUnit, zeros: Pair, *, high: bool) -> tuple[Pair, int]:
    """The codes of the greatest or least product, and the product."""
    codes = product((unit.activation.low, unit.activation.high), (unit.weight.low, unit.weight.high))
    made = [((x - zeros[0]) * (w - zeros[1]), (x, w)) for x, w in codes]
    value, pair = max(made) if high else min(made)
    return pair, value


def _towards_end(unit: ColumnUnit, wanted: ColumnBin, zeros: Pair) -> Iterator[ColumnVector]:
    pair, step = _extreme_pair(unit, zeros, high=wanted.high)
    if not step or (step > 0) != wanted.high:
        return
    tree = unit.datapath.mac.column.tree
    lanes = unit.lanes
    if tree is not None and wanted.kind is not ColumnKind.TREE_OVERFLOW:
        lanes = min(lanes, (tree.high if wanted.high else tree.low) // step)
    full = [pair] * lanes
    if wanted.kind in {ColumnKind.BEAT_EXTREME, ColumnKind.TREE_OVERFLOW}:
        yield filled(unit, [*[[]] * wanted.place, [pair] * unit.lanes], 0, zeros)
    elif wanted.kind is ColumnKind.FIRST_OVERFLOW:
        yield _overflow(unit, wanted, zeros, full, step * lanes)
    else:
        yield from _exact_end(unit, wanted, zeros, pair, step, lanes)


def _overflow(
    unit: ColumnUnit, wanted: ColumnBin, zeros: Pair, full: Sequence[Pair], step: int
) -> ColumnVector:
    """As many greatest beats as fit before the one that shall not; all before it, if none overflows."""
    end = unit.accumulator.high if wanted.high else unit.accumulator.low
    furthest = unit.bias.high if wanted.high else unit.bias.low
    start = 0 if unit.late else (min(furthest, end) if wanted.high else max(furthest, end))
    before = min(wanted.place, (end - start) // step)
    beats: list[Sequence[Pair]] = [*[full] * before, *[()] * (wanted.place - before)]
    if wanted.place < unit.beats:
        beats.append(full)
    return filled(unit, beats, furthest if unit.late else start, zeros)


def _exact_end(
    unit: ColumnUnit, wanted: ColumnBin, zeros: Pair, pair: Pair, step: int, lanes: int
) -> Iterator[ColumnVector]:
    """A bias at the end, or greatest products as far as the bias does not reach."""
    end = unit.accumulator.high if wanted.high else unit.accumulator.low
    if unit.late and wanted.place < unit.beats:
        return
    furthest = unit.bias.high if wanted.high else unit.bias.low
    missing = max(0, -(-(end - furthest) // step))
    if missing <= lanes * min(unit.beats, wanted.place + 1):
        beats = [[pair] * min(lanes, missing - start) for start in range(0, missing, lanes)]
        yield filled(unit, beats, end - missing * step, zeros)
