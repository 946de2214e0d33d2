"""What four vectors of sums cause on their way to codes, counted while codes are made of them (A4).

The sums tell what a first shift loses; what the rescale has made of them, before it rounds, tells what a
second one does (`Marks`); and a clamp acts on the int16 that are about to be narrowed. Whether bits are all
zeros is twice of int16 too, two vectors at a time: narrowing saturates, so that what is not zero stays so.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from npusim.kernels.emit.build import I64, Value, cgutils, every, load, number, opaque, store
from npusim.kernels.emit.registers import BYTES, COUNT, LANES, SHORTS, VECTOR, WORDS, narrow_lanes, pick
from npusim.kernels.emit.rescale import ZERO_WITHIN, Form, merged

LOW, HIGH, LOST, ENDS, HALF, AGAIN, LOST_AGAIN, HALF_AGAIN = range(8)
FACTOR, ADDED, SHIFT = 8, 10, 12
ARRANGED, ZERO, LOW_SHORT, HIGH_SHORT, LOW_CODE, HIGH_CODE, FLIP = range(14, 21)
"""The rows of a vector's marks, a vector each: int32 in the order of lanes, then int64, even lanes, then odd.

A sum below LOW or above HIGH is clamped. LOST are its bits that decide what a first shift loses, HALF what
they are at a tie, ENDS all but the last. ``((sum * FACTOR + ADDED) >> SHIFT) + AGAIN`` has LOST_AGAIN bits,
HALF_AGAIN at a tie, that a second one loses. Where nothing is lost, HALF is a bit outside.

The others are not about lanes: the places of an `Order`; the zero point, bounds and flip of `Ends` in every
element, int16 up to HIGH_SHORT, then int8.
"""

ROWS = 21
MARK_BYTES = VECTOR * ROWS

LOWEST, HIGHEST = 0, COUNT // 2
BELOW, ABOVE, EXACT, TIE, EXACT_AGAIN, TIE_AGAIN = range(COUNT, COUNT + 6)
"""The places of a step's counters, in int64: two vectors of int32 lanes, then numbers."""

COUNTERS = COUNT + 6

LANES_BYTES = 16
"""What a group's lanes take."""

SINGLE, PAIRED = 0, 1
"""The entries of a group's lanes, int64: a bit for each lane that counts, vector by vector; and as
`narrow_lanes` has them."""

KINDS = {BELOW: 1, ABOVE: 2, TIE: 8, TIE_AGAIN: 32}
"""Counters of what may have been caused, and the bits of `records`' kinds."""

BITS = ir.IntType(COUNT)
FLAGS = ir.VectorType(ir.IntType(1), COUNT)
ALL_BITS = ir.IntType(4 * COUNT)


def paired(vector: int, lane: int) -> int:
    """The place in PAIRED of one of a group's lanes."""
    return 2 * COUNT * (vector // 2) + 8 * (lane // 4) + 4 * (vector % 2) + lane % 4


class Held:
    """Something kept over a loop."""

    def __init__(self, builder: Any, value: Value) -> None:
        self._builder, self._kind = builder, value.type
        self._slot = cgutils.alloca_once(builder, value.type)
        builder.store(value, self._slot)

    def get(self) -> Value:
        return self._builder.load(self._slot, typ=self._kind)

    def extreme(self, value: Value, comparison: str, lanes: Value) -> None:
        held = self.get()
        beyond = self._builder.icmp_signed(comparison, value, held)
        more = self._builder.select(beyond, value, held)
        self._builder.store(self._builder.select(lanes, more, held), self._slot)

    def add(self, value: Value) -> None:
        self._builder.store(self._builder.add(self.get(), value), self._slot)


class Marks:
    """One vector's marks, read where they are needed: there are more than registers."""

    def __init__(self, builder: Any, address: Value, form: Form) -> None:
        self._builder, self._address, self._form = builder, address, form

    def row(self, row: int, kind: Any = LANES) -> Value:
        """One of them."""
        return load(self._builder, self._address, VECTOR * row, kind)

    def lost_bits_again(self, products: list[Value]) -> Value:
        """int32 that are 0 where the second shift loses nothing, of what `multiplied` made."""
        builder = self._builder
        if self._form.is_wide:
            first = []
            for lane, product in enumerate(products):
                total = builder.add(product, self.row(ADDED + lane, WORDS))
                first.append(builder.lshr(total, self.row(SHIFT + lane, WORDS)))
            products = [merged(builder, first, 0)]
        return builder.and_(builder.add(products[0], self.row(AGAIN)), self.row(LOST_AGAIN))


class MarkedEnds:
    """As `Ends`, of a group's marks."""

    def __init__(self, builder: Any, marks: Value, form: Form) -> None:
        self._builder, self._marks, self._form = builder, marks, form

    def row(self, row: int, kind: Any) -> Value:
        """One of them."""
        return load(self._builder, opaque(self._builder, self._marks), VECTOR * row, kind)

    @property
    def zero(self) -> Value | None:
        """See `Ends`."""
        return None if self._form in ZERO_WITHIN else self.row(ZERO, SHORTS)

    @property
    def low(self) -> Value:
        """See `Ends`."""
        return self.row(LOW_CODE, BYTES)

    @property
    def high(self) -> Value:
        """See `Ends`."""
        return self.row(HIGH_CODE, BYTES)

    @property
    def flip(self) -> Value:
        """See `Ends`."""
        return self.row(FLIP, BYTES)


class Wanted:
    """Which lanes of four vectors count.

    Four vectors of one row, or of two or four rows, of which the last ones may lie behind the tile.
    """

    def __init__(self, builder: Any, rows: Value, vectors: Value, lanes: Value) -> None:
        single, self._all = (
            builder.trunc(load(builder, lanes, 8 * entry, I64), ALL_BITS) for entry in (SINGLE, PAIRED)
        )
        flags = builder.bitcast(single, ir.VectorType(ir.IntType(1), 4 * COUNT))
        self.single = [
            pick(builder, flags, flags, list(range(COUNT * v, COUNT * v + COUNT))) for v in range(4)
        ]
        self._vectors, self._last = vectors, self._all
        for own in (1, 2):
            together, here = 4 // own, builder.icmp_signed("==", vectors, number(own))
            rest = builder.and_(rows, number(together - 1))
            for left in range(1, together):
                some = sum(1 << paired(v, lane) for v in range(left * own) for lane in range(COUNT))
                bits = builder.and_(self._all, ir.Constant(ALL_BITS, some))
                chosen = builder.and_(here, builder.icmp_signed("==", rest, number(left)))
                self._last = builder.select(chosen, bits, self._last)

    def paired(self, builder: Any, left: Value) -> Value:
        """Bits in the order of `narrow_lanes`, where `left` rows are left."""
        whole = builder.icmp_signed(">=", builder.mul(left, self._vectors), number(4))
        return builder.select(whole, self._all, self._last)

    def is_wanted(self, builder: Any, vector: int, left: Value) -> Value:
        """Whether one of the vectors is not behind the tile."""
        return builder.icmp_signed("<", number(vector), builder.mul(left, self._vectors))


class Counts:
    """Counters of a tile, kept over its rows."""

    def __init__(
        self,
        builder: Any,
        form: Form,
        marks: Value,
        wanted: Wanted,
        counters: Value,
        twice: Value,
    ) -> None:
        self._builder, self._form, self._marks = builder, form, marks
        self._wanted, self._counters = wanted, counters
        self._twice = builder.icmp_signed("!=", twice, number(0))
        self._lowest, self._highest = (
            Held(builder, load(builder, counters, 8 * entry, LANES)) for entry in (LOWEST, HIGHEST)
        )
        self._found = {entry: Held(builder, number(0)) for entry in range(BELOW, COUNTERS)}

    def look(self, sums: list[Value], products: list[list[Value]], halves: list[Value], left: Value) -> None:
        """Count four vectors: of sums, of what `multiplied` and `shorts` made; `left` rows are left."""
        builder = self._builder
        counting = self._wanted.paired(builder, left)
        ends = MarkedEnds(builder, self._marks, self._form)
        for entry, comparison, row in ((BELOW, "<", LOW_SHORT), (ABOVE, ">", HIGH_SHORT)):
            bound = ends.row(row, SHORTS)
            self._add(entry, [builder.icmp_signed(comparison, half, bound) for half in halves], counting)
        with builder.if_then(self._twice):
            marks = self._fresh_marks()
            again = [mark.lost_bits_again(each) for mark, each in zip(marks, products, strict=True)]
            self._add(EXACT_AGAIN, self._zeros(again), counting)
            self._add(TIE_AGAIN, self._equal(again, [mark.row(HALF_AGAIN) for mark in marks]), counting)
        self._survey(sums, left)
        for value, lanes in zip(sums, self._wanted.single, strict=True):
            self._lowest.extreme(value, "<", lanes)
            self._highest.extreme(value, ">", lanes)

    def _survey(self, sums: list[Value], left: Value) -> None:
        """Count sums that lose nothing, or exactly a half, at the first shift: few do."""
        builder, some = self._builder, None
        for mark, value, lanes in zip(self._fresh_marks(), sums, self._wanted.single, strict=True):
            ends = builder.icmp_signed("==", builder.and_(value, mark.row(ENDS)), every(0, LANES))
            found = builder.and_(ends, lanes)
            some = found if some is None else builder.or_(some, found)
        bits = builder.bitcast(some, BITS)
        with builder.if_then(builder.icmp_unsigned("!=", bits, ir.Constant(BITS, 0)), likely=False):
            for place, mark in enumerate(self._fresh_marks()):
                lost = builder.and_(sums[place], mark.row(LOST))
                wanted = self._wanted.is_wanted(builder, place, left)
                lanes = builder.select(wanted, self._wanted.single[place], ir.Constant(FLAGS, [0] * COUNT))
                for entry, equal in ((EXACT, every(0, LANES)), (TIE, mark.row(HALF))):
                    happened = builder.and_(builder.icmp_signed("==", lost, equal), lanes)
                    count = builder.ctpop(builder.bitcast(happened, BITS))
                    self._found[entry].add(builder.zext(count, I64))

    def _fresh_marks(self) -> list[Marks]:
        base = opaque(self._builder, self._marks)
        places = [self._builder.add(base, number(MARK_BYTES * vector)) for vector in range(4)]
        return [Marks(self._builder, place, self._form) for place in places]

    def _equal(self, one: list[Value], other: list[Value]) -> list[Value]:
        return self._zeros([self._builder.xor(a, b) for a, b in zip(one, other, strict=True)])

    def _zeros(self, four: list[Value]) -> list[Value]:
        """Flags of two vectors of int16: where int32 are 0."""
        halves = [narrow_lanes(self._builder, *four[v : v + 2]) for v in (0, 2)]
        return [self._builder.icmp_signed("==", half, every(0, SHORTS)) for half in halves]

    def _add(self, entry: int, flags: list[Value], counting: Value) -> None:
        builder = self._builder
        first, second = flags
        bits = builder.bitcast(pick(builder, first, second, list(range(4 * COUNT))), ALL_BITS)
        found = builder.ctpop(builder.and_(bits, counting))
        self._found[entry].add(opaque(builder, found if found.type == I64 else builder.zext(found, I64)))

    def close(self) -> Value:
        """Write the counters back; returns which kinds may have been caused, rounding apart."""
        builder, may = self._builder, number(0)
        store(builder, self._lowest.get(), self._counters, 8 * LOWEST)
        store(builder, self._highest.get(), self._counters, 8 * HIGHEST)
        for entry, held in self._found.items():
            before, found = load(builder, self._counters, 8 * entry, I64), held.get()
            store(builder, builder.add(before, found), self._counters, 8 * entry)
            some = builder.icmp_unsigned("!=", found, number(0))
            may = builder.or_(may, builder.select(some, number(KINDS.get(entry, 0)), number(0)))
        return may
