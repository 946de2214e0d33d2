"""What sums cause on their way to codes where all channels are alike, counted four vectors at a time (A4).

As `event_plan` tells it: the sums alone say what happens, whatever the rules of rounding.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types

from npusim.kernels.emit.build import I32, I64, Value, cgutils, every, load, number, piece, splat, store
from npusim.kernels.emit.registers import COUNT, LANES, VECTOR, WORDS, pick

LOW, HIGH, LOST, HALF, LOST_AGAIN, HALF_AGAIN, FACTOR, ADDED, SHIFT = range(9)
"""The marks, int64: a sum below LOW or above HIGH is clamped; its LOST bits are lost by a first shift, HALF
is what they are at a tie; ``(sum * FACTOR + ADDED) >> SHIFT`` has the bits that a second one loses."""

STRETCH = 4 * COUNT
"""Sums that are counted together."""

_BITS = ir.IntType(STRETCH)


class _Counter:
    """How many comparisons held, kept over a loop."""

    def __init__(self, builder: Any) -> None:
        self._builder, self._slot = builder, cgutils.alloca_once_value(builder, number(0))

    def add(self, flags: list[Value]) -> None:
        """Of four vectors."""
        builder = self._builder
        a, b, c, d = flags
        one, two = (pick(builder, *pair, places=list(range(2 * COUNT))) for pair in ((a, b), (c, d)))
        bits = builder.ctpop(builder.bitcast(pick(builder, one, two, list(range(STRETCH))), _BITS))
        more = bits if bits.type == I64 else builder.zext(bits, I64)
        builder.store(builder.add(self.get(), more), self._slot)

    def get(self) -> Value:
        return self._builder.load(self._slot, typ=I64)


class Marks:
    """The marks, in every lane."""

    def __init__(self, builder: Any, address: Value) -> None:
        self._builder, self._address = builder, address

    def lanes(self, entry: int) -> Value:
        word = load(self._builder, self._address, 8 * entry, I64)
        return splat(self._builder, self._builder.trunc(word, I32), COUNT)

    def words(self, entry: int) -> Value:
        return splat(self._builder, load(self._builder, self._address, 8 * entry, I64), COUNT // 2)


def _emit(builder: Any, twice: bool, sums: Value, stretches: Value, marks: Value, counts: Value) -> None:
    own = Marks(builder, marks)
    low, high, lost, half = (own.lanes(entry) for entry in (LOW, HIGH, LOST, HALF))
    again = Again(builder, own) if twice else None
    counters = [_Counter(builder) for _ in range(6 if twice else 4)]
    with cgutils.for_range(builder, stretches) as stretch:
        start = builder.mul(stretch.index, number(4 * VECTOR))
        four = [load(builder, sums, builder.add(start, number(VECTOR * v)), LANES) for v in range(4)]
        counters[0].add([builder.icmp_signed("<", value, low) for value in four])
        counters[1].add([builder.icmp_signed(">", value, high) for value in four])
        _count_lost(builder, four, lost, half, counters[2:4])
        if again is not None:
            _count_lost(builder, [again.first(value) for value in four], again.lost, again.half, counters[4:])
    for entry, counter in enumerate(counters):
        store(builder, counter.get(), counts, 8 * entry)


def _count_lost(builder: Any, four: list[Value], lost: Value, half: Value, counters: list[_Counter]) -> None:
    bits = [builder.and_(value, lost) for value in four]
    counters[0].add([builder.icmp_unsigned("!=", each, every(0, LANES)) for each in bits])
    counters[1].add([builder.icmp_unsigned("==", each, half) for each in bits])


def _low_half(builder: Any, words: Value) -> Value:
    """The low 32 bits of each word, with their sign: said this way, LLVM multiplies by vpmuldq."""
    return builder.ashr(builder.shl(words, every(32, WORDS)), every(32, WORDS))


class Again:
    """What the first of two shifts makes, which loses bits in the second: int32."""

    def __init__(self, builder: Any, marks: Marks) -> None:
        self._builder = builder
        self._factor = _low_half(builder, marks.words(FACTOR))
        self._added, self._shift = marks.words(ADDED), marks.words(SHIFT)
        self._up = builder.sub(every(32, WORDS), self._shift)
        self.lost, self.half = marks.lanes(LOST_AGAIN), marks.lanes(HALF_AGAIN)

    def first(self, value: Value) -> Value:
        builder = self._builder
        words = builder.bitcast(value, WORDS)
        even, odd = (
            builder.add(builder.mul(half, self._factor), self._added)
            for half in (_low_half(builder, words), builder.ashr(words, every(32, WORDS)))
        )
        # Results of even lanes end up in the low half of their word, those of odd lanes in the high half.
        low = builder.bitcast(builder.lshr(even, self._shift), LANES)
        high = builder.bitcast(builder.shl(odd, self._up), LANES)
        return pick(builder, low, high, [lane + (COUNT if lane % 2 else 0) for lane in range(COUNT)])


def _piece(twice: bool) -> tuple[Any, Any]:
    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        _emit(builder, twice, *values)
        return context.get_dummy_value()

    return types.void(*[types.int64] * 4), generate


@piece
def count_alike_once(typing: Any, sums: int, stretches: int, marks: int, counts: int) -> Any:
    """Write how many sums cause each event of one shift and a clamp, by the numbers of `records`' kinds.

    Its arguments: addresses of the sums; how many stretches; addresses of the marks, and of int64[4].
    """
    return _piece(False)


@piece
def count_alike_twice(typing: Any, sums: int, stretches: int, marks: int, counts: int) -> Any:
    """As `count_alike_once` for two shifts: int64[6]."""
    return _piece(True)
