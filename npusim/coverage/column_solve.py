"""Vectors for the bins of a MAC column: as many greatest products as an end of the register takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

from npusim.coverage.column_bins import ColumnBin, ColumnKind, corners
from npusim.coverage.column_states import by_states, small
from npusim.coverage.column_unit import ColumnUnit, ColumnVector, filled
from npusim.spec.interval import Interval

Pair = tuple[int, int]
ORDERED = {ColumnKind.FIRST_OVERFLOW, ColumnKind.DISTANCE, ColumnKind.AT_END}
"""What depends on the order of beats."""


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
            corner = (corners(unit.activation)[0], corners(unit.weight)[0])
            # A bias shows if nothing is added to it, a zero point if it is taken off something.
            beats = [[] if wanted.register == "bias" else [corner] * unit.lanes] * unit.beats
            yield filled(unit, beats, held["bias"], (held["x_zero"], held["weight_zero"]))
        case ColumnKind.BEAT_SUM:
            for zeros in product(_ends(unit.x_zero), _ends(unit.weight_zero)):
                beat = beat_of_sum(unit, wanted.values[0], zeros)
                if beat is not None:
                    yield filled(unit, [beat], 0 if 0 in unit.bias else unit.bias.low, zeros)
        case ColumnKind.ALONE:
            yield from _alone(unit, wanted)
        case _:
            for zeros in product(_ends(unit.x_zero), _ends(unit.weight_zero)):
                yield from _towards_end(unit, wanted, zeros)
            if small(unit) and wanted.kind in ORDERED:
                found = by_states(unit, wanted)
                if found is not None:
                    yield found


def beat_of_sum(unit: ColumnUnit, total: int, zeros: Pair) -> list[Pair] | None:
    """Codes of one beat whose products make a sum: one product if it can be, else the greatest first."""
    xs = Interval(unit.activation.low - zeros[0], unit.activation.high - zeros[0])
    ws = Interval(unit.weight.low - zeros[1], unit.weight.high - zeros[1])
    weights = sorted(range(ws.low, ws.high + 1), key=abs, reverse=True)
    for w in weights:
        if w and total % w == 0 and total // w in xs:
            return [(total // w + zeros[0], w + zeros[1])]
    beat: list[Pair] = []
    for _ in range(unit.lanes):
        made = [(_toward(xs, total, w), w) for w in (ws.low, ws.high, 1, -1) if w and w in ws]
        x, w = min(made, key=lambda pair: abs(total - pair[0] * pair[1]))
        beat.append((x + zeros[0], w + zeros[1]))
        total -= x * w
        if not total:
            return beat
    return None


def _toward(codes: Interval, total: int, w: int) -> int:
    """The code that, times `w`, comes nearest to `total` from the side of 0."""
    wanted = abs(total) // abs(w) * (1 if (total < 0) == (w < 0) else -1)
    return min(max(wanted, codes.low), codes.high)


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
    elif wanted.kind is ColumnKind.DISTANCE:
        yield from _at_distance(unit, wanted, zeros, full, step * lanes)
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


def _at_distance(
    unit: ColumnUnit, wanted: ColumnBin, zeros: Pair, full: Sequence[Pair], made: int
) -> Iterator[ColumnVector]:
    """A greatest beat, or none, and the bias that leaves the wanted distance; the nearest there is."""
    end = unit.accumulator.high if wanted.high else unit.accumulator.low
    for distance, (beat, added) in product(wanted.values, ((full, made), ((), 0))):
        bias = end + (distance if wanted.high else -distance) - added
        yield filled(unit, [beat], min(max(bias, unit.bias.low), unit.bias.high), zeros)


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
