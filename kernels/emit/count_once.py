"""A whole tile's codes and events from its sums, in registers: what `emit.tile_once` does when it counts.

As `emit.count` says, with two differences. What a second shift loses is looked at with the rescale's addend
in it, so that lost bits are compared with constants. The few sums that lose nothing
at the first shift, or a half, are counted by way of the stack.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from npusim.kernels.emit.build import I64, Value, cgutils, every, load, number, store
from npusim.kernels.emit.count import (
    ABOVE,
    BELOW,
    BITS,
    COUNTERS,
    ENDS,
    EXACT,
    EXACT_AGAIN,
    EXACT_BITS,
    HALF,
    HIGH_SHORT,
    HIGHEST,
    KINDS,
    LOST,
    LOST_AGAIN,
    LOW_SHORT,
    LOWEST,
    MARK_BYTES,
    TIE,
    TIE_AGAIN,
    TIE_BITS,
    Marks,
)
from npusim.kernels.emit.registers import LANES, SHORTS, VECTOR, pick
from npusim.kernels.emit.rescale import CONSTANT_BYTES, Constants, Form, multiplied, rounded

TOGETHER = 4
"""Vectors of sums that make one of codes."""

_AT_ONCE = 2
"""Rows of which a second shift is counted together: registers for flags are few."""


class OnceCounts:
    """A tile's sums, ``[row][vector]``, and what has been counted of them."""

    def __init__(
        self,
        builder: Any,
        form: Form,
        sums: list[list[Value]],
        constants: Value,
        marks: Value,
        counters: Value,
    ) -> None:
        self._builder, self._form, self._sums = builder, form, sums
        self._constants, self._counters = constants, counters
        self._marks = [
            Marks(builder, builder.add(marks, number(MARK_BYTES * v)), form) for v in range(len(sums[0]))
        ]
        self._found: dict[int, Value] = {}

    def extremes(self) -> None:
        """Bring the counters' extremes up to date."""
        builder = self._builder
        for entry, comparison in ((LOWEST, "<"), (HIGHEST, ">")):
            held = load(builder, self._counters, 8 * entry, LANES)
            for value in (value for own in self._sums for value in own):
                held = builder.select(builder.icmp_signed(comparison, value, held), value, held)
            store(builder, held, self._counters, 8 * entry)

    def special(self) -> None:
        """Count sums that lose nothing, or exactly a half, at the first shift."""
        builder = self._builder
        ends = [mark.row(ENDS) for mark in self._marks]
        least = every(-1, LANES)
        for own in self._sums:
            for value, end in zip(own, ends, strict=True):
                bits = builder.and_(value, end)
                least = builder.select(builder.icmp_unsigned("<", bits, least), bits, least)
        some = builder.bitcast(builder.icmp_signed("==", least, every(0, LANES)), BITS)
        slots = {entry: cgutils.alloca_once_value(builder, number(0)) for entry in (EXACT, TIE)}
        with builder.if_then(builder.icmp_unsigned("!=", some, ir.Constant(BITS, 0)), likely=False):
            self._count_special(slots)
        self._found |= {entry: builder.load(slot, typ=I64) for entry, slot in slots.items()}

    def _count_special(self, slots: dict[int, Value]) -> None:
        builder, vectors = self._builder, len(self._sums[0])
        flat = [value for own in self._sums for value in own]
        with builder.goto_entry_block():  # unlike numba's own word, this one writes no zeros at every entry
            memory = builder.ptrtoint(builder.alloca(ir.ArrayType(LANES, len(flat))), I64)
        for place, value in enumerate(flat):
            store(builder, value, memory, VECTOR * place)
        with cgutils.for_range(builder, number(len(self._sums))) as row:
            start = builder.mul(row.index, number(VECTOR * vectors))
            for v, mark in enumerate(self._marks):
                value = load(builder, memory, builder.add(start, number(VECTOR * v)), LANES)
                lost = builder.and_(value, mark.row(LOST))
                for entry, equal in ((EXACT, every(0, LANES)), (TIE, mark.row(HALF))):
                    happened = builder.bitcast(builder.icmp_signed("==", lost, equal), BITS)
                    more = builder.zext(builder.ctpop(happened), I64)
                    builder.store(builder.add(builder.load(slots[entry], typ=I64), more), slots[entry])

    def rounded(self) -> list[Value]:
        """What becomes int16 and then codes, row after row; counts the second shift."""
        builder, lanes = self._builder, {}
        for v, mark in enumerate(self._marks):
            own = Constants(builder, builder.add(self._constants, number(CONSTANT_BYTES * v)), self._form)
            lost: list[Value] = []
            for row, values in enumerate(self._sums):
                products = multiplied(builder, values[v], own, self._form)
                lanes[row, v] = rounded(builder, values[v], products, own, self._form)
                if self._form is Form.HIGH_SIGNED:
                    word = builder.add(products[0], own.addend)
                    lost.append(builder.and_(word, mark.row(LOST_AGAIN)))
                if len(lost) == _AT_ONCE:
                    for entry, equal in ((EXACT_AGAIN, EXACT_BITS), (TIE_AGAIN, TIE_BITS)):
                        self._add(entry, [builder.icmp_signed("==", bits, mark.row(equal)) for bits in lost])
                    lost = []
        return [lanes[place] for place in sorted(lanes)]

    def clamped(self, halves: list[Value]) -> None:
        """Count what a clamp acts on."""
        for entry, comparison, row in ((BELOW, "<", LOW_SHORT), (ABOVE, ">", HIGH_SHORT)):
            bound = self._marks[0].row(row, SHORTS)
            flags = [self._builder.icmp_signed(comparison, half, bound) for half in halves]
            self._add(entry, flags)

    def _add(self, entry: int, flags: list[Value]) -> None:
        """Count flags, four vectors of them at a time as far as they go."""
        builder = self._builder
        for first in range(0, len(flags), TOGETHER):
            bits = builder.ctpop(_joined(builder, flags[first : first + TOGETHER]))
            more = bits if bits.type == I64 else builder.zext(bits, I64)
            found = self._found.get(entry)
            self._found[entry] = more if found is None else builder.add(found, more)

    def close(self) -> Value:
        """Add to the counters; returns which kinds may have been caused, rounding apart."""
        builder, may = self._builder, number(0)
        for entry in range(BELOW, COUNTERS):
            found = self._found.get(entry)
            if found is not None:
                before = load(builder, self._counters, 8 * entry, I64)
                store(builder, builder.add(before, found), self._counters, 8 * entry)
                some = builder.icmp_unsigned("!=", found, number(0))
                may = builder.or_(may, builder.select(some, number(KINDS.get(entry, 0)), number(0)))
        return may


def _joined(builder: Any, flags: list[Value]) -> Value:
    """Some vectors of flags, a power of two of them, as a number."""
    while len(flags) > 1:
        size = flags[0].type.count
        pairs = zip(flags[::2], flags[1::2], strict=True)
        flags = [pick(builder, one, two, list(range(2 * size))) for one, two in pairs]
    return builder.bitcast(flags[0], ir.IntType(flags[0].type.count))
