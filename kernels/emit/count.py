"""What sums do on their way to codes, counted a vector at a time (A4); the values are `emit.finish`'s.

Only for rescales without correction: they are the common ones.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types

from npusim.kernels.emit.build import (
    I8,
    I32,
    LANES,
    WORDS,
    Value,
    cgutils,
    every,
    load,
    number,
    piece,
    splat,
    store,
    store_bytes,
)
from npusim.kernels.emit.finish import CONSTANT_BYTES, Constants, limited, products, rescaled
from npusim.kernels.fuse import Correction

BELOW, ABOVE, ROUNDED, TIE, LOWEST, HIGHEST = 0, 1, 2, 4, 6, 7
"""The rows of a vector's counters, 64 bytes each: int32 lanes; ROUNDED and TIE int64, even lanes, then odd.

BELOW and ABOVE count values outside the clamp's bounds, LOWEST and HIGHEST are the sums' extremes.
"""

COUNTER_ROWS = 8
COUNTER_BYTES = 64 * COUNTER_ROWS
MASK, HALF = 0, 2
"""The rows of a vector's masks: the bits that are shifted out, and a tie's; even lanes, then odd."""

MASK_BYTES = 64 * 4


class _Counters:
    """A vector's counters, in registers while its rows are looked at."""

    def __init__(self, builder: Any, address: Value) -> None:
        kinds = [LANES, LANES, WORDS, WORDS, WORDS, WORDS, LANES, LANES]
        self._builder, self._address = builder, address
        self._slots = [(cgutils.alloca_once(builder, kind), kind) for kind in kinds]
        for row, (slot, kind) in enumerate(self._slots):
            builder.store(load(builder, address, 64 * row, kind), slot)

    def add(self, row: int, happened: Value) -> None:
        """Count the lanes where it happened."""
        slot, kind = self._slots[row]
        ones = self._builder.sext(happened, kind)
        self._builder.store(self._builder.sub(self._builder.load(slot, typ=kind), ones), slot)

    def extreme(self, row: int, value: Value, comparison: str) -> None:
        """Keep the sum if it goes beyond."""
        slot, kind = self._slots[row]
        held = self._builder.load(slot, typ=kind)
        beyond = self._builder.icmp_signed(comparison, value, held)
        self._builder.store(self._builder.select(beyond, value, held), slot)

    def write(self) -> None:
        """Back to memory."""
        for row, (slot, kind) in enumerate(self._slots):
            store(self._builder, self._builder.load(slot, typ=kind), self._address, 64 * row)


def _emit(builder: Any, values: Any) -> None:
    sums, rows, vectors, constants, masks, low, high, counters, out, stride, count = values
    lowest, highest = (splat(builder, builder.trunc(bound, I32), 16) for bound in (low, high))
    step = builder.mul(vectors, number(64))
    with cgutils.for_range(builder, vectors) as vector:
        at = {
            name: builder.add(base, builder.mul(vector.index, number(size)))
            for name, base, size in (
                ("constants", constants, CONSTANT_BYTES),
                ("masks", masks, MASK_BYTES),
                ("counters", counters, COUNTER_BYTES),
                ("sums", sums, 64),
            )
        }
        own = Constants(builder, at["constants"], Correction.NONE)
        pairs = [
            [load(builder, at["masks"], 64 * (row + lane), WORDS) for lane in (0, 1)] for row in (MASK, HALF)
        ]
        made = _Counters(builder, at["counters"])
        first = builder.mul(vector.index, number(16))
        target, left = builder.add(out, first), builder.sub(count, first)
        with cgutils.for_range(builder, rows) as row:
            value = load(builder, at["sums"], builder.mul(row.index, step))
            made.extreme(LOWEST, value, "<")
            made.extreme(HIGHEST, value, ">")
            for lane, product in enumerate(products(builder, value, own)):
                lost = builder.and_(product, pairs[0][lane])
                made.add(ROUNDED + lane, builder.icmp_signed("!=", lost, every(0, WORDS)))
                made.add(TIE + lane, builder.icmp_signed("==", lost, pairs[1][lane]))
            code = rescaled(builder, value, own, Correction.NONE)
            made.add(BELOW, builder.icmp_signed("<", code, lowest))
            made.add(ABOVE, builder.icmp_signed(">", code, highest))
            with builder.if_then(builder.icmp_signed("!=", out, number(0))):
                place = builder.add(target, builder.mul(row.index, stride))
                kept = builder.trunc(limited(builder, code, lowest, highest), ir.VectorType(I8, 16))
                store_bytes(builder, kept, place, left)
        made.write()


@piece
def count_plain(
    typing: Any,
    sums: int,
    rows: int,
    vectors: int,
    constants: int,
    masks: int,
    low: int,
    high: int,
    counters: int,
    out: int,
    stride: int,
    count: int,
) -> Any:
    """Add a tile's events, ``[rows][vectors][16]`` sums, to its vectors' counters.

    Does the work of `finish_plain` as well, unless `out` is 0.
    """

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        _emit(builder, values)
        return context.get_dummy_value()

    return types.void(*[types.int64] * 11), generate
