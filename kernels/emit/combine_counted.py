"""Elementwise add, sub and mul of 8-bit codes with the result's events counted (A4).

Nearly every sum loses bits at each shift, and not just a half; few are clamped. So a stretch of codes is
looked at as a whole, while all is in registers: ENDS of a sum are its lost bits but the last, and 0 where
nothing is lost or a half; so are ENDS_AGAIN of what the rescale has before it rounds, as far as they differ
from NEAR; and the int16 that are about to be narrowed are compared with the clamp's bounds. Only where that
says so, the clamp's kinds or those of rounding are counted, from the sums alone (`count_alike`).
"""

from __future__ import annotations

from functools import partial
from typing import Any

from llvmlite import ir
from numba import types

from npusim.kernels.emit.build import (
    I16,
    I64,
    Value,
    cgutils,
    every,
    load,
    number,
    piece,
    splat,
    store,
    switch,
)
from npusim.kernels.emit.combine import FORMS, Combiner
from npusim.kernels.emit.count_alike import HALF, HIGH, LOST, LOW, SHIFT, Again, Marks
from npusim.kernels.emit.order import Order, arranged
from npusim.kernels.emit.registers import COUNT, LANES, VECTOR, pick, store_first
from npusim.kernels.emit.rescale import Constants, Ends, Form, clamped, multiplied, rounded, shorts
from npusim.kernels.records import COUNT as COUNTS
from npusim.kernels.records import FIRST, KINDS_TOLD

ENDS, ENDS_AGAIN, NEAR = range(SHIFT + 1, SHIFT + 4)
"""The marks, int64, behind those of `count_alike`. Where nothing is known of a second shift in advance, as in
forms of 64 bits, ENDS_AGAIN are none: then rounding is counted in every stretch."""

ALL = -1
"""Which codes of a stretch are wanted: all."""

_NEVER = (1 << 63) - 1
_SIGNATURE = types.void(*[types.int64] * 13)


class _Look:
    """What is asked of every stretch."""

    def __init__(self, builder: Any, marks: Marks, ends: Value, twice: Value) -> None:
        self._builder, self._twice = builder, twice
        self._ends, self._ends_again, self._near = (marks.lanes(row) for row in (ENDS, ENDS_AGAIN, NEAR))
        self._low, self._high = (
            splat(builder, builder.trunc(load(builder, ends, 8 * place, I64), I16), 2 * COUNT)
            for place in (1, 2)
        )

    def is_clamped(self, halves: list[Value]) -> Value:
        """Not 0 if the clamp acts on some of a stretch's int16."""
        builder = self._builder
        low, high = (
            builder.select(builder.icmp_signed(comparison, *halves), *halves) for comparison in ("<", ">")
        )
        under, over = builder.icmp_signed("<", low, self._low), builder.icmp_signed(">", high, self._high)
        return _bits(builder, builder.or_(under, over))

    def ends_in_zeros(self, sums: list[Value], words: list[Value]) -> Value:
        """Not 0 if some of four vectors may lose nothing, or a half; words are what the rescale rounds."""
        builder = self._builder
        slot = cgutils.alloca_once(builder, LANES)
        builder.store(self._least([builder.and_(value, self._ends) for value in sums]), slot)
        with builder.if_then(self._twice):
            other = [builder.and_(builder.xor(word, self._near), self._ends_again) for word in words]
            more = other or [every(0, LANES)]
            builder.store(self._least([*more, builder.load(slot, typ=LANES)]), slot)
        return _bits(builder, builder.icmp_signed("==", builder.load(slot, typ=LANES), every(0, LANES)))

    def _least(self, values: list[Value]) -> Value:
        least, *rest = values
        for value in rest:
            least = self._builder.select(self._builder.icmp_unsigned("<", value, least), value, least)
        return least


def _bits(builder: Any, flags: Value) -> Value:
    bits = builder.bitcast(flags, ir.IntType(flags.type.count))
    return bits if bits.type == I64 else builder.zext(bits, I64)


class _Record:
    """Counts and firsts of a step."""

    def __init__(self, builder: Any, address: Value, wanted: Value) -> None:
        self._builder, self._address, self._wanted = builder, address, wanted

    def add(self, kind: int, found: Value, first: Value) -> None:
        """So many, the first of them there."""
        builder = self._builder
        before = load(builder, self._address, 8 * (COUNTS + kind), I64)
        store(builder, builder.add(before, found), self._address, 8 * (COUNTS + kind))
        held = load(builder, self._address, 8 * (FIRST + kind), I64)
        some, sooner = builder.icmp_signed("!=", found, number(0)), builder.icmp_signed("<", first, held)
        earliest = builder.select(builder.and_(some, sooner), first, held)
        store(builder, earliest, self._address, 8 * (FIRST + kind))

    def add_flags(self, kind: int, four: list[Value], position: Value) -> None:
        """Those of a stretch of codes that begins there, as far as they are wanted."""
        builder = self._builder
        a, b, c, d = four
        one, two = (pick(builder, *pair, places=list(range(2 * COUNT))) for pair in ((a, b), (c, d)))
        flags = _bits(builder, pick(builder, one, two, list(range(VECTOR))))
        bits = builder.and_(flags, self._wanted)
        first = builder.cttz(bits, ir.Constant(ir.IntType(1), 0))
        self.add(kind, builder.ctpop(bits), builder.add(position, first))

    def add_rounding(self, kind: int, four: list[Value], lost: Value, half: Value, position: Value) -> None:
        """What a shift loses of a stretch's values: two kinds."""
        builder = self._builder
        bits = [builder.and_(value, lost) for value in four]
        rounded_off = [builder.icmp_unsigned("!=", each, every(0, LANES)) for each in bits]
        self.add_flags(kind, rounded_off, position)
        self.add_flags(kind + 1, [builder.icmp_unsigned("==", each, half) for each in bits], position)


class _Usual:
    """The stretches of which all sums are rounded and nothing else: how many codes, and the first."""

    def __init__(self, builder: Any) -> None:
        self._builder = builder
        self._slots = [cgutils.alloca_once_value(builder, number(value)) for value in (0, _NEVER)]

    def add(self, position: Value) -> None:
        """One that begins there."""
        builder, (found, first) = self._builder, self.get()
        builder.store(builder.add(found, number(VECTOR)), self._slots[0])
        sooner = builder.icmp_signed("<", position, first)
        builder.store(builder.select(sooner, position, first), self._slots[1])

    def get(self) -> tuple[Value, Value]:
        """Both."""
        found, first = (self._builder.load(slot, typ=I64) for slot in self._slots)
        return found, first


def _emit(form: Form, builder: Any, values: Any) -> None:
    a, b, stretches, settings, constants, ends, out, marks, kinds, wanted, position, own_record = values
    bounds, result = Ends(builder, ends, form), Constants(builder, constants, form)
    combiner, own = Combiner(builder, settings), Marks(builder, marks)
    twice = builder.icmp_signed("==", kinds, number(KINDS_TOLD))
    look, usual = _Look(builder, own, ends, twice), _Usual(builder)
    record, in_part = _Record(builder, own_record, wanted), builder.xor(wanted, number(ALL))
    with cgutils.for_range(builder, stretches) as stretch:
        place = builder.mul(stretch.index, number(VECTOR))
        sums = combiner.combined([builder.add(address, place) for address in (a, b)])
        products = [multiplied(builder, each, result, form) for each in sums]
        four = [rounded(builder, *each, result, form) for each in zip(sums, products, strict=True)]
        halves = shorts(builder, four, bounds)
        narrow = arranged(builder, clamped(builder, halves, bounds), Order.BY_VECTOR)
        store_first(builder, narrow, builder.add(out, place), number(VECTOR))
        here = builder.add(position, place)
        words = [] if form.is_wide else [builder.add(*each, result.addend) for each in products]
        zeros = builder.or_(look.ends_in_zeros(sums, words), in_part)
        with builder.if_then(_some(builder, look.is_clamped(halves)), likely=False):
            _count_clamped(builder, sums, own, here, record)
        with builder.if_else(_some(builder, zeros), likely=False) as (then, otherwise):
            with then:
                _count_rounded(builder, sums, own, twice, here, record)
            with otherwise:
                usual.add(here)
    record.add(2, *usual.get())
    with builder.if_then(twice):
        record.add(4, *usual.get())


def _some(builder: Any, bits: Value) -> Value:
    return builder.icmp_unsigned("!=", bits, number(0))


def _count_clamped(builder: Any, sums: list[Value], marks: Marks, position: Value, record: _Record) -> None:
    for kind, comparison, row in ((0, "<", LOW), (1, ">", HIGH)):
        flags = [builder.icmp_signed(comparison, value, marks.lanes(row)) for value in sums]
        record.add_flags(kind, flags, position)


def _count_rounded(
    builder: Any, sums: list[Value], marks: Marks, twice: Value, position: Value, record: _Record
) -> None:
    record.add_rounding(2, sums, marks.lanes(LOST), marks.lanes(HALF), position)
    with builder.if_then(twice):
        again = Again(builder, marks)
        firsts = [again.first(value) for value in sums]
        record.add_rounding(4, firsts, again.lost, again.half, position)


@piece
def combine_counted(
    typing: Any,
    form: int,
    a: int,
    b: int,
    stretches: int,
    settings: int,
    constants: int,
    ends: int,
    out: int,
    marks: int,
    kinds: int,
    wanted: int,
    position: int,
    record: int,
) -> Any:
    """As `combine_codes`, with what the result causes added to a record.

    Its other arguments: address of the marks; how many kinds there are; `ALL`, or a bit for each code of the
    only stretch that is wanted; the position of the first code; address of the record.
    """

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        chosen, rest = values[:1], values[1:]
        switch(builder, chosen, (((own,), partial(_emit, own, builder, rest)) for own in FORMS))
        return context.get_dummy_value()

    return _SIGNATURE, generate
