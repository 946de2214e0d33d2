"""What `emit.count` works on: a tile's sums of one vector, and values kept over its rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from llvmlite import ir

from npusim.kernels.emit.build import I64, Value, cgutils, load, number, store
from npusim.kernels.emit.registers import COUNT, LANES, VECTOR, WORDS, pick

FLAGS = ir.VectorType(ir.IntType(1), COUNT)
BITS = ir.IntType(COUNT)

TOGETHER = 4
"""Rows whose comparisons are counted as one number."""

ALL_BITS = ir.IntType(TOGETHER * COUNT)
REPEATED = sum(1 << (COUNT * row) for row in range(TOGETHER))


def joined(builder: Any, flags: list[Value]) -> Value:
    """The bits of `TOGETHER` vectors of flags."""
    a, b, c, d = flags
    first, second = (pick(builder, one, two, list(range(2 * COUNT))) for one, two in ((a, b), (c, d)))
    return builder.bitcast(pick(builder, first, second, list(range(4 * COUNT))), ALL_BITS)


class Held:
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
class Tile:
    """A tile's sums of one vector, with the vector's constants and the lanes that count."""

    builder: Any
    sums: Value
    rows: Value
    step: Value
    constants: Value
    lanes: Value
    all_lanes: Value
    counters: Value
    may: Held

    def row(self, index: Value) -> Value:
        return load(self.builder, self.sums, self.builder.mul(index, self.step), LANES)

    def constant(self, row: int, kind: Any = LANES) -> Value:
        return load(self.builder, self.constants, VECTOR * row, kind)

    def pair(self, row: int) -> list[Value]:
        return [self.constant(row + lane, WORDS) for lane in (0, 1)]

    def flags(self, happened: Value) -> Value:
        """A bit for each lane that counts."""
        return self.builder.and_(self.builder.bitcast(happened, BITS), self.lanes)

    def number(self, happened: list[Value]) -> Value:
        """int64: in how many of the lanes that count, in one row or in `TOGETHER`."""
        if len(happened) == 1:
            bits = self.flags(happened[0])
        else:
            bits = self.builder.and_(joined(self.builder, happened), self.all_lanes)
        count = self.builder.ctpop(bits)
        return count if count.type == I64 else self.builder.zext(count, I64)

    def each(self, look: Callable[[list[Value]], None]) -> None:
        """Show all rows, `TOGETHER` at a time as long as there are so many."""
        builder = self.builder
        whole = builder.and_(self.rows, number(-TOGETHER))
        with cgutils.for_range_slice(builder, number(0), whole, number(TOGETHER)) as (first, _):
            look([self.row(builder.add(first, number(row))) for row in range(TOGETHER)])
        with cgutils.for_range_slice(builder, whole, self.rows, number(1)) as (row, _):
            look([self.row(row)])

    def any(self, happened: Value) -> Value:
        return self.builder.icmp_unsigned("!=", self.flags(happened), ir.Constant(BITS, 0))

    def none(self) -> Held:
        return Held(self.builder, I64, number(0))

    def count(self, entry: int, more: Held) -> None:
        """Add to a counter."""
        held = load(self.builder, self.counters, 8 * entry, I64)
        store(self.builder, self.builder.add(held, more.get()), self.counters, 8 * entry)
