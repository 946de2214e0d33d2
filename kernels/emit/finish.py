"""Sums to codes, a vector at a time: the one-pass rescale of `fuse`, with constants laid out for it.

Exactness: a sum of 32 bits times a factor of 32 bits is exact in 64; even and odd lanes are
multiplied apart (``vpmuldq``). The zero point is added before the shift, times 2**shift:
``((p + c) >> n) + z == (p + c + (z << n)) >> n``. `layout.rescale_constants` proves that nothing
leaves 64 bits before the shift, or 32 behind it.
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
    store_bytes,
)
from npusim.kernels.fuse import Correction

BIAS, FACTOR, SHIFT, FIRST, SECOND = 0, 1, 3, 5, 7
"""The rows of a vector's constants, 64 bytes each: FACTOR and those behind it for even lanes, then odd."""

CONSTANT_ROWS = 9
CONSTANT_BYTES = 64 * CONSTANT_ROWS


class Constants:
    """One vector's constants, loaded as far as a correction needs them."""

    def __init__(self, builder: Any, address: Value, correction: Correction) -> None:
        def pair(row: int) -> tuple[Value, Value]:
            even, odd = (load(builder, address, 64 * (row + lane), WORDS) for lane in (0, 1))
            return even, odd

        # Factors are int32: said this way, LLVM multiplies by vpmuldq.
        self.factor = tuple(_low_half(builder, factor) for factor in pair(FACTOR))
        self.shift, self.first = pair(SHIFT), pair(FIRST)
        self.second = None if correction is Correction.NONE else pair(SECOND)


def _low_half(builder: Any, words: Value) -> Value:
    """The low 32 bits of each word, with their sign."""
    return builder.ashr(builder.shl(words, every(32, WORDS)), every(32, WORDS))


def products(builder: Any, sums: Value, constants: Constants) -> list[Value]:
    """Exact products of even and of odd lanes: int64."""
    words = builder.bitcast(sums, WORDS)
    halves = (_low_half(builder, words), builder.ashr(words, every(32, WORDS)))
    return [builder.mul(half, factor) for half, factor in zip(halves, constants.factor, strict=True)]


def rescaled(builder: Any, sums: Value, constants: Constants, correction: Correction) -> Value:
    """int32 sums times the factor, rounded by the shift, plus the zero point: int32, not yet clamped."""
    made = []
    for lane, value in enumerate(products(builder, sums, constants)):
        total = builder.add(value, constants.first[lane])
        if constants.second is not None:
            second = constants.second[lane]
            if correction is Correction.BY_SIGN:
                more = builder.and_(builder.ashr(value, every(63, WORDS)), second)
            else:
                last = builder.and_(builder.lshr(value, constants.shift[lane]), every(1, WORDS))
                more = builder.and_(builder.sub(every(0, WORDS), last), second)
            total = builder.add(total, more)
        made.append(builder.bitcast(builder.ashr(total, constants.shift[lane]), LANES))
    even_odd = ir.Constant(LANES, [lane // 2 * 2 + (16 if lane % 2 else 0) for lane in range(16)])
    return builder.shuffle_vector(made[0], made[1], even_odd)


def limited(builder: Any, values: Value, low: Value, high: Value) -> Value:
    """Clamped; the low bound is asked first, as everywhere (bounds never cross here)."""
    raised = builder.select(builder.icmp_signed("<", values, low), low, values)
    return builder.select(builder.icmp_signed(">", raised, high), high, raised)


_SIGNATURE = types.void(*[types.int64] * 9)


def _emit(correction: Correction, builder: Any, values: Any) -> None:
    sums, rows, vectors, constants, low, high, out, stride, count = values
    lowest, highest = (splat(builder, builder.trunc(bound, I32), 16) for bound in (low, high))
    step = builder.mul(vectors, number(64))
    with cgutils.for_range(builder, vectors) as vector:
        own = Constants(
            builder, builder.add(constants, builder.mul(vector.index, number(CONSTANT_BYTES))), correction
        )
        here = builder.add(sums, builder.mul(vector.index, number(64)))
        first = builder.mul(vector.index, number(16))
        target, left = builder.add(out, first), builder.sub(count, first)
        with cgutils.for_range(builder, rows) as row:
            value = load(builder, here, builder.mul(row.index, step))
            code = limited(builder, rescaled(builder, value, own, correction), lowest, highest)
            place = builder.add(target, builder.mul(row.index, stride))
            store_bytes(builder, builder.trunc(code, ir.VectorType(I8, 16)), place, left)


def _piece(correction: Correction) -> tuple[Any, Any]:
    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        _emit(correction, builder, values)
        return context.get_dummy_value()

    return _SIGNATURE, generate


@piece
def finish_plain(
    typing: Any,
    sums: int,
    rows: int,
    vectors: int,
    constants: int,
    low: int,
    high: int,
    out: int,
    stride: int,
    count: int,
) -> Any:
    """A tile's sums, ``[rows][vectors][16]``, to bytes `stride` apart, `count` in a row; no correction."""
    return _piece(Correction.NONE)


@piece
def finish_by_sign(
    typing: Any,
    sums: int,
    rows: int,
    vectors: int,
    constants: int,
    low: int,
    high: int,
    out: int,
    stride: int,
    count: int,
) -> Any:
    """As `finish_plain`, corrected where the product is negative."""
    return _piece(Correction.BY_SIGN)


@piece
def finish_by_last(
    typing: Any,
    sums: int,
    rows: int,
    vectors: int,
    constants: int,
    low: int,
    high: int,
    out: int,
    stride: int,
    count: int,
) -> Any:
    """As `finish_plain`, corrected where the lowest kept bit is set."""
    return _piece(Correction.BY_LAST)
