"""What a tile's sums cause on their way to codes, counted a vector at a time (A4).

The sums alone tell it (`event_plan`): no code is made here, and no rule of rounding matters. Most sums
cause nothing rare, so that the loop over rows only gathers extremes, and whether any sum ends in so many
zeros that nothing, or exactly a half, is lost; what that rules out is not counted. A second shift loses few
bits, and is always counted. Where a comparison's bits are counted as a number, vector units stay free.
"""

from __future__ import annotations

from dataclasses import dataclass
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
from npusim.kernels.emit.registers import COUNT, LANES, VECTOR, WORDS, pick

LOW, HIGH, ENDS, LOST, HALF, LOST_AGAIN, HALF_AGAIN = 0, 1, 2, 3, 4, 5, 6
FACTOR, ADDED, SHIFT = 7, 9, 11
"""The rows of a vector's constants, a vector each.

The first are int32 in the order of lanes: the bounds between which sums are not clamped; their bits below the
last one that is lost, all that are lost, the last one; the last two again for the second shift. FACTOR, ADDED
and SHIFT are int64, even lanes, then odd, and only read for a second shift.
"""

TOLD_ROWS = 13
TOLD_BYTES = VECTOR * TOLD_ROWS

LOWEST, HIGHEST = 0, COUNT // 2
BELOW, ABOVE, EXACT, TIE, EXACT_AGAIN, TIE_AGAIN = range(COUNT, COUNT + 6)
"""The places of a step's counters, in int64: two vectors of int32 lanes, then numbers."""

COUNTERS = COUNT + 6

MAY_BELOW, MAY_ABOVE, MAY_TIE, MAY_TIE_AGAIN = 1, 2, 8, 32
"""Bits of what a tile may have caused, by the numbers of `records`' kinds."""

_FLAGS = ir.VectorType(ir.IntType(1), COUNT)
_BITS = ir.IntType(COUNT)


class _Held:
    """Something kept over a loop."""

    def __init__(self, builder: Any, kind: Any, value: Value) -> None:
        self._builder, self._kind = builder, kind
        self._slot = cgutils.alloca_once(builder, kind)
        builder.store(value, self._slot)

    def get(self) -> Value:
        return self._builder.load(self._slot, typ=self._kind)

    def set(self, value: Value) -> None:
        self._builder.store(value, self._slot)

    def extreme(self, value: Value, comparison: str) -> None:
        held = self.get()
        beyond = self._builder.icmp_signed(comparison, value, held)
        self.set(self._builder.select(beyond, value, held))

    def gather(self, happened: Value) -> None:
        self.set(self._builder.or_(self.get(), happened))

    def add(self, value: Value) -> None:
        self.set(self._builder.add(self.get(), value))


@dataclass
class _Tile:
    """A tile's sums of one vector, with the vector's constants and the lanes that count."""

    builder: Any
    sums: Value
    rows: Value
    step: Value
    constants: Value
    lanes: Value
    counters: Value
    may: _Held

    def row(self, index: Value) -> Value:
        return load(self.builder, self.sums, self.builder.mul(index, self.step), LANES)

    def constant(self, row: int, kind: Any = LANES) -> Value:
        return load(self.builder, self.constants, VECTOR * row, kind)

    def pair(self, row: int) -> list[Value]:
        return [self.constant(row + lane, WORDS) for lane in (0, 1)]

    def flags(self, happened: Value) -> Value:
        """A bit for each lane that counts."""
        return self.builder.and_(self.builder.bitcast(happened, _BITS), self.lanes)

    def number(self, happened: Value) -> Value:
        """int64: in how many of the lanes that count."""
        return self.builder.zext(self.builder.ctpop(self.flags(happened)), I64)

    def any(self, happened: Value) -> Value:
        return self.builder.icmp_unsigned("!=", self.flags(happened), ir.Constant(_BITS, 0))

    def none(self) -> _Held:
        return _Held(self.builder, I64, number(0))

    def count(self, entry: int, more: _Held) -> None:
        """Add to a counter."""
        held = load(self.builder, self.counters, 8 * entry, I64)
        store(self.builder, self.builder.add(held, more.get()), self.counters, 8 * entry)


def _emit(twice: bool, builder: Any, values: Any) -> Value:
    sums, rows, vectors, constants, lanes, counters = values
    may = _Held(builder, I64, number(0))
    with cgutils.for_range(builder, vectors) as vector:
        own_lanes = load(builder, lanes, builder.mul(vector.index, number(8)), I64)
        tile = _Tile(
            builder,
            builder.add(sums, builder.mul(vector.index, number(VECTOR))),
            rows,
            builder.mul(vectors, number(VECTOR)),
            builder.add(constants, builder.mul(vector.index, number(TOLD_BYTES))),
            builder.trunc(own_lanes, _BITS),
            counters,
            may,
        )
        lowest, highest, special = _survey(tile, twice)
        _keep_extremes(tile, lowest, highest)
        _count_beyond(tile, lowest, highest)
        with builder.if_then(tile.any(special)):
            may.gather(number(MAY_TIE))
            _count_special(tile)
    return may.get()


def _survey(tile: _Tile, twice: bool) -> tuple[Value, Value, Value]:
    """The tile's extremes, and the lanes with a sum that ends in zeros; counts the second shift."""
    builder = tile.builder
    ends = tile.constant(ENDS)
    lowest, highest = (_Held(builder, LANES, every(limit, LANES)) for limit in (2**31 - 1, -(2**31)))
    special = _Held(builder, _FLAGS, ir.Constant(_FLAGS, [0] * COUNT))
    again = _Again(tile) if twice else None
    with cgutils.for_range(builder, tile.rows) as row:
        value = tile.row(row.index)
        lowest.extreme(value, "<")
        highest.extreme(value, ">")
        special.gather(builder.icmp_signed("==", builder.and_(value, ends), every(0, LANES)))
        if again is not None:
            again.row(value)
    if again is not None:
        again.write()
    return lowest.get(), highest.get(), special.get()


def _keep_extremes(tile: _Tile, lowest: Value, highest: Value) -> None:
    """Bring the counters' extremes up to date, by the lanes that count."""
    builder = tile.builder
    counting = builder.bitcast(tile.lanes, _FLAGS)
    for value, entry, comparison, unused in (
        (lowest, LOWEST, "<", 2**31 - 1),
        (highest, HIGHEST, ">", -(2**31)),
    ):
        held = _Held(builder, LANES, load(builder, tile.counters, 8 * entry, LANES))
        held.extreme(builder.select(counting, value, every(unused, LANES)), comparison)
        store(builder, held.get(), tile.counters, 8 * entry)


def _count_beyond(tile: _Tile, lowest: Value, highest: Value) -> None:
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
            with cgutils.for_range(builder, tile.rows) as row:
                found.add(tile.number(builder.icmp_signed(comparison, tile.row(row.index), bound)))
            tile.count(entry, found)


def _count_special(tile: _Tile) -> None:
    """Sums that lose nothing, or exactly a half."""
    builder = tile.builder
    lost, half = tile.constant(LOST), tile.constant(HALF)
    exact, ties = tile.none(), tile.none()
    with cgutils.for_range(builder, tile.rows) as row:
        bits = builder.and_(tile.row(row.index), lost)
        exact.add(tile.number(builder.icmp_signed("==", bits, every(0, LANES))))
        ties.add(tile.number(builder.icmp_signed("==", bits, half)))
    tile.count(EXACT, exact)
    tile.count(TIE, ties)


def _low_half(builder: Any, words: Value) -> Value:
    """The low 32 bits of each word, with their sign: said this way, LLVM multiplies by vpmuldq."""
    return builder.ashr(builder.shl(words, every(32, WORDS)), every(32, WORDS))


class _Again:
    """The second shift, which loses bits of the first one's result: int32."""

    def __init__(self, tile: _Tile) -> None:
        self._tile, builder = tile, tile.builder
        self._factors = [_low_half(builder, factor) for factor in tile.pair(FACTOR)]
        self._added, self._shift = tile.pair(ADDED), tile.pair(SHIFT)
        self._up = builder.sub(every(32, WORDS), self._shift[1])
        self._lost, self._half = tile.constant(LOST_AGAIN), tile.constant(HALF_AGAIN)
        self._exact, self._ties = tile.none(), tile.none()

    def row(self, value: Value) -> None:
        """Count one row."""
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
        result = pick(builder, low, high, [lane + (COUNT if lane % 2 else 0) for lane in range(COUNT)])
        lost = builder.and_(result, self._lost)
        self._exact.add(self._tile.number(builder.icmp_signed("==", lost, every(0, LANES))))
        self._ties.add(self._tile.number(builder.icmp_signed("==", lost, self._half)))

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
