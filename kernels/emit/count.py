"""What a tile's sums cause on their way to codes, counted a vector at a time (A4).

The sums alone tell it (`event_plan`): no code is made here, and no rule of rounding matters. Most sums
cause nothing rare, so that the loop over rows only gathers extremes, and whether any sum ends in so many
zeros that nothing, or exactly a half, is lost; what that rules out is not counted. A second shift loses few
bits, and is always counted. Where a comparison's bits are counted as a number, vector units stay free.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from llvmlite import ir
from numba import types

from npusim.kernels.emit.build import (
    I64,
    Value,
    cgutils,
    every,
    load,
    number,
    piece,
    store,
)
from npusim.kernels.emit.count_tile import ALL_BITS, BITS, FLAGS, REPEATED, Held, Tile
from npusim.kernels.emit.registers import COUNT, LANES, VECTOR, WORDS, pick

LOW, HIGH, LOST, LOST_AGAIN, FACTOR, ADDED, SHIFT = 0, 1, 2, 3, 4, 6, 8
"""The rows of a vector's constants, a vector each.

The first are int32 in the order of lanes: the bounds between which sums are not clamped; the bits of a sum
that decide what is lost; those of the first shift's result that a second one loses. FACTOR, ADDED and SHIFT
are int64, even lanes, then odd. Without a second shift only the first `ROWS_ONCE` are there: fewer
bytes pass through the caches.
"""

ROWS_ONCE, ROWS_TWICE = 3, 10

LOWEST, HIGHEST = 0, COUNT // 2
BELOW, ABOVE, EXACT, TIE, EXACT_AGAIN, TIE_AGAIN = range(COUNT, COUNT + 6)
"""The places of a step's counters, in int64: two vectors of int32 lanes, then numbers."""

COUNTERS = COUNT + 6

MAY_BELOW, MAY_ABOVE, MAY_TIE, MAY_TIE_AGAIN = 1, 2, 8, 32
"""Bits of what a tile may have caused, by the numbers of `records`' kinds."""


def _emit(twice: bool, builder: Any, values: Any) -> Value:
    sums, rows, vectors, constants, lanes, counters = values
    may, size = Held(builder, I64, number(0)), VECTOR * (ROWS_TWICE if twice else ROWS_ONCE)
    with cgutils.for_range(builder, vectors) as vector:
        own_lanes = load(builder, lanes, builder.mul(vector.index, number(8)), I64)
        tile = Tile(
            builder,
            builder.add(sums, builder.mul(vector.index, number(VECTOR))),
            rows,
            builder.mul(vectors, number(VECTOR)),
            builder.add(constants, builder.mul(vector.index, number(size))),
            builder.trunc(own_lanes, BITS),
            builder.trunc(builder.mul(own_lanes, number(REPEATED)), ALL_BITS),
            counters,
            may,
        )
        lowest, highest, special = _survey(tile, twice)
        _keep_extremes(tile, lowest, highest)
        _count_beyond(tile, lowest, highest)
        with builder.if_then(tile.any(special)):
            _count_special(tile)
    return may.get()


def _survey(tile: Tile, twice: bool) -> tuple[Value, Value, Value]:
    """The tile's extremes, and the lanes with a sum that ends in zeros; counts the second shift."""
    builder = tile.builder
    ends = builder.lshr(tile.constant(LOST), every(1, LANES))
    lowest, highest = (Held(builder, LANES, every(limit, LANES)) for limit in (2**31 - 1, -(2**31)))
    special = Held(builder, FLAGS, ir.Constant(FLAGS, [0] * COUNT))
    again = _Again(tile) if twice else None

    def look(rows: list[Value]) -> None:
        for value in rows:
            lowest.extreme(value, "<")
            highest.extreme(value, ">")
            special.gather(builder.icmp_signed("==", builder.and_(value, ends), every(0, LANES)))
        if again is not None:
            again.look(rows)

    tile.each(look)
    if again is not None:
        again.write()
    return lowest.get(), highest.get(), special.get()


def _keep_extremes(tile: Tile, lowest: Value, highest: Value) -> None:
    """Bring the counters' extremes up to date, by the lanes that count."""
    builder = tile.builder
    counting = builder.bitcast(tile.lanes, FLAGS)
    for value, entry, comparison, unused in (
        (lowest, LOWEST, "<", 2**31 - 1),
        (highest, HIGHEST, ">", -(2**31)),
    ):
        held = Held(builder, LANES, load(builder, tile.counters, 8 * entry, LANES))
        held.extreme(builder.select(counting, value, every(unused, LANES)), comparison)
        store(builder, held.get(), tile.counters, 8 * entry)


def _count_beyond(tile: Tile, lowest: Value, highest: Value) -> None:
    """Sums below and above the bounds, if there are any."""
    builder = tile.builder
    for entry, bit, row_, comparison, extreme in (
        (BELOW, MAY_BELOW, LOW, "<", lowest),
        (ABOVE, MAY_ABOVE, HIGH, ">", highest),
    ):
        bound = tile.constant(row_)
        with builder.if_then(tile.any(builder.icmp_signed(comparison, extreme, bound))):
            tile.may.gather(number(bit))
            found = tile.none()
            tile.each(partial(_count_compared, tile, comparison, bound, found))
            tile.count(entry, found)


def _count_compared(tile: Tile, comparison: str, bound: Value, found: Held, rows: list[Value]) -> None:
    found.add(tile.number([tile.builder.icmp_signed(comparison, value, bound) for value in rows]))


def _count_special(tile: Tile) -> None:
    """Sums that lose nothing, or exactly a half."""
    builder = tile.builder
    lost = tile.constant(LOST)
    half = _half(builder, lost)
    exact, ties = tile.none(), tile.none()

    def look(rows: list[Value]) -> None:
        bits = [builder.and_(value, lost) for value in rows]
        exact.add(tile.number([builder.icmp_signed("==", each, every(0, LANES)) for each in bits]))
        ties.add(tile.number([builder.icmp_signed("==", each, half) for each in bits]))

    tile.each(look)
    tile.count(EXACT, exact)
    tile.count(TIE, ties)
    with builder.if_then(builder.icmp_signed("!=", ties.get(), number(0))):
        tile.may.gather(number(MAY_TIE))


def _half(builder: Any, lost: Value) -> Value:
    """The last of the lost bits; where none is lost, a number that nothing masked equals."""
    last = builder.sub(lost, builder.lshr(lost, every(1, LANES)))
    none = builder.icmp_signed("==", last, every(0, LANES))
    return builder.select(none, every(1, LANES), last)


def _low_half(builder: Any, words: Value) -> Value:
    """The low 32 bits of each word, with their sign: said this way, LLVM multiplies by vpmuldq."""
    return builder.ashr(builder.shl(words, every(32, WORDS)), every(32, WORDS))


class _Again:
    """The second shift, which loses bits of the first one's result: int32."""

    def __init__(self, tile: Tile) -> None:
        self._tile, builder = tile, tile.builder
        self._factors = [_low_half(builder, factor) for factor in tile.pair(FACTOR)]
        self._added, self._shift = tile.pair(ADDED), tile.pair(SHIFT)
        self._up = builder.sub(every(32, WORDS), self._shift[1])
        self._lost = tile.constant(LOST_AGAIN)
        self._half = _half(builder, self._lost)
        self._exact, self._ties = tile.none(), tile.none()

    def look(self, rows: list[Value]) -> None:
        """Count some rows."""
        builder = self._tile.builder
        lost = [builder.and_(self._result(value), self._lost) for value in rows]
        self._exact.add(
            self._tile.number([builder.icmp_signed("==", bits, every(0, LANES)) for bits in lost])
        )
        self._ties.add(self._tile.number([builder.icmp_signed("==", bits, self._half) for bits in lost]))

    def _result(self, value: Value) -> Value:
        builder = self._tile.builder
        words = builder.bitcast(value, WORDS)
        halves = (_low_half(builder, words), builder.ashr(words, every(32, WORDS)))
        even, odd = (
            builder.add(builder.mul(half, factor), added)
            for half, factor, added in zip(halves, self._factors, self._added, strict=True)
        )
        # Results of even lanes end up in the low half of their word, those of odd lanes in the high half.
        low = builder.bitcast(builder.lshr(even, self._shift[0]), LANES)
        high = builder.bitcast(builder.shl(odd, self._up), LANES)
        return pick(builder, low, high, [lane + (COUNT if lane % 2 else 0) for lane in range(COUNT)])

    def write(self) -> None:
        """Back to memory."""
        builder = self._tile.builder
        self._tile.count(EXACT_AGAIN, self._exact)
        self._tile.count(TIE_AGAIN, self._ties)
        with builder.if_then(builder.icmp_signed("!=", self._ties.get(), number(0))):
            self._tile.may.gather(number(MAY_TIE_AGAIN))


def _piece(twice: bool) -> tuple[Any, Any]:
    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return _emit(twice, builder, values)

    return types.int64(*[types.int64] * 6), generate


@piece
def count_once(
    typing: Any, sums: int, rows: int, vectors: int, constants: int, lanes: int, counters: int
) -> Any:
    """Add a tile's events, ``[rows][vectors][COUNT]`` sums, to the counters; one shift.

    Its arguments: addresses of the sums; rows and vectors; addresses of the constants, of an int64 for each
    vector whose bits are the lanes that count, and of the counters. Returns which events it may have caused:
    bits as in `MAY_BELOW`.
    """
    return _piece(False)


@piece
def count_twice(
    typing: Any, sums: int, rows: int, vectors: int, constants: int, lanes: int, counters: int
) -> Any:
    """As `count_once`, for two shifts."""
    return _piece(True)
