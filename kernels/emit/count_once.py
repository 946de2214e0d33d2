"""A whole tile's codes and events from its sums, in registers.

As `emit.count` says, with these differences. What a second shift loses is looked at with the rescale's addend
in it, so that lost bits are compared with constants, and two rows at once where 16 bits suffice. The few sums
that lose nothing at the first shift, or a half, are counted by way of the stack. And no mask says which lanes
count: sums that do not are copies of such that do, which change no extreme, or `alive` tells them from
others, and no constant of theirs is ever met.

Flags of 32 lanes are counted one by one: more at once would take longer to leave their registers.
"""

from __future__ import annotations

from enum import IntEnum
from functools import reduce
from typing import Any, NamedTuple

from llvmlite import ir

from npusim.kernels.emit.build import I32, I64, Value, cgutils, every, load, number, store
from npusim.kernels.emit.count import (
    ABOVE,
    BELOW,
    BITS,
    COUNTERS,
    EXACT,
    EXACT_AGAIN,
    HALF,
    HIGHEST,
    KINDS,
    LOST,
    LOWEST,
    MARK_BYTES,
    SINGLE,
    TIE,
    TIE_AGAIN,
    Marks,
)
from npusim.kernels.emit.order import Order, arranged
from npusim.kernels.emit.registers import COUNT, LANES, SHORTS, VECTOR, merge_shorts, pick
from npusim.kernels.emit.rescale import (
    CONSTANT_BYTES,
    Constants,
    Ends,
    Form,
    clamped,
    multiplied,
    rounded,
    shorts,
)

ENDS, LOST_BITS, EXACT_BITS, TIE_BITS, LEAST, GREATEST = range(6)
"""The rows of a vector's signs, a vector each.

A sum that has no ENDS loses nothing at the first shift, or a half. Of what the rescale is about to round, the
second shift loses LOST_BITS: EXACT_BITS where they are nothing, TIE_BITS at a tie, int16 as `merge_shorts`
has them of two rows or, `Way.LONG`, int32. What is below LEAST or above GREATEST is clamped, int16 as
`narrow_lanes` has them of this vector and the next one.
"""

SIGN_ROWS = 6
SIGN_BYTES = VECTOR * SIGN_ROWS


class Way(IntEnum):
    """How sums are counted."""

    MEMORY = 0
    """Not here."""
    ZERO = 1
    """Only 0 loses nothing at the first shift, and none a half; 16 bits hold what a second one loses."""
    ENDS = 2
    """As ENDS say; 16 bits hold what a second shift loses."""
    LONG = 3
    """As ZERO, with 32 bits."""


WAYS = {Form.HALVES: (Way.ZERO, Way.ENDS), Form.HIGH_SIGNED: (Way.ZERO, Way.ENDS, Way.LONG)}


class Addresses(NamedTuple):
    """Of a tile's first vector's signs, its marks, its group's lanes, and the counters: see `emit.count`."""

    signs: Value
    marks: Value
    lanes: Value
    counters: Value


class OnceCounts:
    """A tile's sums, ``[row][vector]``, and what has been counted of them."""

    def __init__(
        self,
        builder: Any,
        form: Form,
        sums: list[list[Value]],
        constants: Value,
        told: Addresses,
        way: Way,
        alive: list[Value] | None = None,
    ) -> None:
        self._builder, self._form, self._sums, self._way = builder, form, sums, way
        self._constants, self._told, self._alive = constants, told, alive
        self._found: dict[int, Value] = {}

    def extremes(self) -> None:
        """Bring the counters' extremes up to date."""
        builder = self._builder
        for entry, comparison in ((LOWEST, "<"), (HIGHEST, ">")):
            held = load(builder, self._told.counters, 8 * entry, LANES)
            for v, best in enumerate(self._best(comparison, self._sums)):
                more = builder.select(builder.icmp_signed(comparison, best, held), best, held)
                held = self._chosen(v, more, held)
            store(builder, held, self._told.counters, 8 * entry)

    def special(self) -> None:
        """Count sums that lose nothing, or exactly a half, at the first shift."""
        builder = self._builder
        bits = self._sums
        if self._way is Way.ENDS:
            ends = [self._sign(v, ENDS, LANES) for v in range(len(bits[0]))]
            bits = [[builder.and_(value, end) for value, end in zip(own, ends, strict=True)] for own in bits]
        least = every(-1, LANES)
        for v, best in enumerate(self._best("u<", bits)):
            less = builder.select(builder.icmp_unsigned("<", best, least), best, least)
            least = self._chosen(v, less, least)
        some = builder.bitcast(builder.icmp_signed("==", least, every(0, LANES)), BITS)
        slots = {entry: cgutils.alloca_once_value(builder, number(0, I32)) for entry in (EXACT, TIE)}
        with builder.if_then(builder.icmp_unsigned("!=", some, ir.Constant(BITS, 0)), likely=False):
            self._count_special(slots)
        self._found |= {entry: builder.load(slot, typ=I32) for entry, slot in slots.items()}

    def _best(self, comparison: str, rows: list[list[Value]]) -> list[Value]:
        """Each vector's least or greatest over all rows."""
        builder = self._builder
        compare = builder.icmp_unsigned if comparison.startswith("u") else builder.icmp_signed
        found = list(rows[0])
        for own in rows[1:]:
            for v, value in enumerate(own):
                found[v] = builder.select(compare(comparison.lstrip("u"), value, found[v]), value, found[v])
        return found

    def _chosen(self, vector: int, value: Value, other: Value) -> Value:
        """The value in lanes that count, where others are no copies."""
        return value if self._alive is None else self._builder.select(self._alive[vector], value, other)

    def _count_special(self, slots: dict[int, Value]) -> None:
        builder, vectors = self._builder, len(self._sums[0])
        flat = [value for own in self._sums for value in own]
        with builder.goto_entry_block():  # unlike numba's own word, this one writes no zeros at every entry
            memory = builder.ptrtoint(builder.alloca(ir.ArrayType(LANES, len(flat))), I64)
        for place, value in enumerate(flat):
            store(builder, value, memory, VECTOR * place)
        single = load(builder, self._told.lanes, 8 * SINGLE, I64)
        marks = [
            Marks(builder, builder.add(self._told.marks, number(MARK_BYTES * v)), self._form)
            for v in range(vectors)
        ]
        wanted = [builder.trunc(builder.lshr(single, number(COUNT * v)), BITS) for v in range(vectors)]
        with cgutils.for_range(builder, number(len(self._sums))) as row:
            start = builder.mul(row.index, number(VECTOR * vectors))
            for v, mark in enumerate(marks):
                value = load(builder, memory, builder.add(start, number(VECTOR * v)), LANES)
                lost = builder.and_(value, mark.row(LOST))
                for entry, equal in ((EXACT, every(0, LANES)), (TIE, mark.row(HALF))):
                    happened = builder.bitcast(builder.icmp_signed("==", lost, equal), BITS)
                    more = builder.zext(builder.ctpop(builder.and_(happened, wanted[v])), I32)
                    builder.store(builder.add(builder.load(slots[entry], typ=I32), more), slots[entry])

    def rounded(self) -> list[Value]:
        """What becomes int16 and then codes, row after row; counts the second shift."""
        builder, lanes = self._builder, {}
        for v in range(len(self._sums[0])):
            own = Constants(builder, builder.add(self._constants, number(CONSTANT_BYTES * v)), self._form)
            lost: list[Value] = []
            for row, values in enumerate(self._sums):
                products = multiplied(builder, values[v], own, self._form)
                lanes[row, v] = rounded(builder, values[v], products, own, self._form)
                if self._form is Form.HIGH_SIGNED:
                    word = builder.add(products[0], own.addend)
                    lost.append(builder.and_(word, self._sign(v, LOST_BITS, LANES)))
                if len(lost) == 2:
                    self._lost_again(lost, v)
                    lost = []
        return [lanes[place] for place in sorted(lanes)]

    def _lost_again(self, lost: list[Value], vector: int) -> None:
        """Count what a second shift loses in two rows."""
        builder, equals = self._builder, ((EXACT_AGAIN, EXACT_BITS), (TIE_AGAIN, TIE_BITS))
        if self._way is not Way.LONG:
            bits = merge_shorts(builder, *lost)
            for entry, row in equals:
                self._add(entry, builder.icmp_signed("==", bits, self._sign(vector, row, SHORTS)))
            return
        for entry, row in equals:
            one, two = (builder.icmp_signed("==", each, self._sign(vector, row, LANES)) for each in lost)
            self._add(entry, pick(builder, one, two, list(range(2 * COUNT))))

    def clamped(self, halves: list[Value]) -> None:
        """Count what a clamp acts on, in what pairs of vectors have been narrowed to."""
        if self._form is Form.HIGH_SIGNED:
            self._count_above(halves)
        else:
            self._count_beyond(halves, ABOVE, ">", GREATEST)
        self._count_beyond(halves, BELOW, "<", LEAST)

    def _count_beyond(self, halves: list[Value], entry: int, comparison: str, row: int) -> None:
        for place, half in enumerate(halves):
            end = self._sign(2 * place % len(self._sums[0]), row, SHORTS)
            self._add(entry, self._builder.icmp_signed(comparison, half, end))

    def _count_above(self, halves: list[Value]) -> None:
        """What is above, in a tile that has something above at all.

        It pays where the units that compare have much else to do.
        """
        builder, columns = self._builder, max(1, len(self._sums[0]) // 2)
        flags = []
        for column in range(columns):
            greatest = self._best(">", [[half] for half in halves[column::columns]])[0]
            flags.append(builder.icmp_signed(">", greatest, self._sign(2 * column, GREATEST, SHORTS)))
        bits = builder.bitcast(reduce(builder.or_, flags), ir.IntType(2 * COUNT))
        slot = cgutils.alloca_once_value(builder, number(0, I32))
        with builder.if_then(builder.icmp_unsigned("!=", bits, ir.Constant(bits.type, 0))):
            self._count_beyond(halves, ABOVE, ">", GREATEST)
            builder.store(self._found[ABOVE], slot)
        self._found[ABOVE] = builder.load(slot, typ=I32)

    def _sign(self, vector: int, row: int, kind: Any) -> Value:
        return load(self._builder, self._told.signs, SIGN_BYTES * vector + VECTOR * row, kind)

    def _add(self, entry: int, flags: Value) -> None:
        """Count two vectors' flags."""
        builder = self._builder
        bits = builder.ctpop(builder.bitcast(flags, ir.IntType(flags.type.count)))
        more = bits if bits.type == I32 else builder.zext(bits, I32)
        found = self._found.get(entry)
        self._found[entry] = more if found is None else builder.add(found, more)

    def close(self, doublings: Value | None = None) -> Value:
        """Add to the counters; returns which kinds may have been caused, rounding apart.

        Everything is there twice, or four times, with so many `doublings`, int32.
        """
        builder, may = self._builder, number(0)
        for entry in range(BELOW, COUNTERS):
            found = self._found.get(entry)
            if found is not None:
                own = found if doublings is None else builder.lshr(found, doublings)
                before = load(builder, self._told.counters, 8 * entry, I64)
                store(builder, builder.add(before, builder.zext(own, I64)), self._told.counters, 8 * entry)
                some = builder.icmp_unsigned("!=", found, number(0, I32))
                may = builder.or_(may, builder.select(some, number(KINDS.get(entry, 0)), number(0)))
        return may


def counted_codes(builder: Any, counts: OnceCounts, bounds: Ends, order: Order) -> list[Value]:
    """Vectors of codes, row after row, with everything counted; `order` is how narrowing leaves them."""
    counts.extremes()
    counts.special()
    flat = counts.rounded()
    fours = [shorts(builder, flat[first : first + 4], bounds) for first in range(0, len(flat), 4)]
    counts.clamped([half for four in fours for half in four])
    return [arranged(builder, clamped(builder, halves, bounds), order) for halves in fours]
