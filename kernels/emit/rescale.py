"""Sums to codes, a vector at a time: the one-pass rescale of `fuse`, with constants laid out for it.

Exactness: a sum of 32 bits times a factor of 32 bits is exact in 64; even and odd lanes are multiplied
apart (``vpmuldq``). `tiled.constants` proves that nothing leaves 64 bits before the shift, or 32 behind it.
Where factor and shift can be enlarged together until the shift is 32 or more, it begins with taking the
high halves of the products, and ends in 32 bits.

`Form.HALVES` needs no 64 bits at all. With a sum ``h * 2**16 + l``, l unsigned, and a factor f of 16 bits,
the highest one set, what the product has above its low 16 bits is ``h * f + (l * f >> 16)``; ``h * f`` is
``h * (f - 2**16)``, a product of two int16, plus ``h * 2**16``, which the sum itself has above l.

Narrowing saturates, to 16 bits before the zero point is added and to 8 bits before the clamp: bounds are
codes, so that the clamp has the last word. In `ZERO_WITHIN` the zero point is part of the addend:
``((p + c) >> n) + z == (p + c + (z << n)) >> n``.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import numpy as np

from npusim.kernels.emit.build import I8, I16, I64, Value, every, load, splat
from npusim.kernels.emit.registers import (
    COUNT,
    LANES,
    REALS,
    SHORTS,
    VECTOR,
    WORDS,
    add_shorts,
    dot_pairs,
    high_shorts,
    narrow_lanes,
    narrow_shorts,
    pick,
)


class Form(IntEnum):
    """How values are rounded; the constants differ."""

    HIGH = 0
    """High halves of products, plus an addend, shifted."""
    HIGH_SIGNED = 1
    """High halves of products of sums times 2**LIFT, plus an addend, plus another one for negative sums."""
    WIDE_SIGNED = 2
    """64 bits, a constant that the product's sign chooses."""
    WIDE_LAST = 3
    """64 bits, a second constant where the lowest kept bit is set."""
    HALVES = 4
    """Products of the sum's 16-bit halves with a factor of 16 bits, plus an addend, shifted."""
    REAL = 5
    """Products in binary64, rounded to the nearest integer, ties away from zero."""

    @property
    def is_wide(self) -> bool:
        """Whether products are rounded in 64 bits."""
        return self in (Form.WIDE_SIGNED, Form.WIDE_LAST)


ZERO_WITHIN = {Form.HIGH, Form.HALVES}
"""Forms in which the zero point is part of the addend."""

LIFT = 2
"""gemmlowp's first rounding, half of 2**31, is then a whole number of high halves."""

START, FACTOR, SHIFT, ADDEND, NEGATIVE = 0, 1, 3, 4, 5
FIRST, SECOND, WIDE_SHIFT = 3, 5, 7
"""The rows of a vector's constants, `VECTOR` bytes each.

START and those of high halves, SHIFT, ADDEND, NEGATIVE, are int32, in HALVES also FACTOR, f in the low
half of every lane, and behind it ``f - 2**16`` in the high half. In REAL, FIRST and the row behind it are
binary64, lane after lane. Else FACTOR and those of 64 bits, FIRST,
SECOND, WIDE_SHIFT, are int64, for even lanes, then odd. SECOND stands for FIRST where a product is
negative; in WIDE_LAST it is added to it.
"""

_NEARLY_HALF = int(np.nextafter(0.5, 0.0).view(np.int64))
"""The greatest binary64 below a half, as bits."""

CONSTANT_ROWS = 9
CONSTANT_BYTES = VECTOR * CONSTANT_ROWS


class Constants:
    """One vector's constants, loaded as far as a form needs them."""

    def __init__(self, builder: Any, address: Value, form: Form) -> None:
        def pair(row: int) -> tuple[Value, Value]:
            even, odd = (load(builder, address, VECTOR * (row + lane), WORDS) for lane in (0, 1))
            return even, odd

        if form is Form.HALVES:
            self.low, self.high = (load(builder, address, VECTOR * (FACTOR + i), SHORTS) for i in (0, 1))
            self.shift, self.addend = (load(builder, address, VECTOR * row, LANES) for row in (SHIFT, ADDEND))
            # Low halves: said this way, LLVM multiplies just those, by a mask.
            self.is_low = builder.icmp_signed("==", self.high, every(0, SHORTS))
            return
        if form is Form.REAL:
            self.scale = tuple(load(builder, address, VECTOR * (FIRST + i), REALS) for i in (0, 1))
            return
        # Factors are int32: said this way, LLVM multiplies by vpmuldq.
        self.factor = tuple(_low_half(builder, factor) for factor in pair(FACTOR))
        if not form.is_wide:
            rows = (SHIFT, ADDEND, NEGATIVE)
            self.shift, self.addend, self.negative = (
                load(builder, address, VECTOR * row, LANES) for row in rows
            )
        else:
            self.first, self.second, self.wide_shift = pair(FIRST), pair(SECOND), pair(WIDE_SHIFT)


def _low_half(builder: Any, words: Value) -> Value:
    """The low 32 bits of each word, with their sign."""
    return builder.ashr(builder.shl(words, every(32, WORDS)), every(32, WORDS))


def _products(builder: Any, sums: Value, constants: Constants) -> list[Value]:
    """Exact products of even and of odd lanes: int64."""
    words = builder.bitcast(sums, WORDS)
    halves = (_low_half(builder, words), builder.ashr(words, every(32, WORDS)))
    return [builder.mul(half, factor) for half, factor in zip(halves, constants.factor, strict=True)]


def merged(builder: Any, words: list[Value], half: int) -> Value:
    """int32 lanes in order: the low (0) or high (1) halves of even and odd words."""
    places = [2 * (lane // 2) + half + (COUNT if lane % 2 else 0) for lane in range(COUNT)]
    even, odd = (builder.bitcast(each, LANES) for each in words)
    return pick(builder, even, odd, places)


def high_products(builder: Any, lanes: Value, factor: Value) -> Value:
    """The high halves of 64-bit products of int32 lanes and one factor for all."""
    one, words = _low_half(builder, builder.bitcast(factor, WORDS)), builder.bitcast(lanes, WORDS)
    halves = (_low_half(builder, words), builder.ashr(words, every(32, WORDS)))
    return merged(builder, [builder.mul(half, one) for half in halves], 1)


def multiplied(builder: Any, sums: Value, constants: Constants, form: Form) -> list[Value]:
    """int32 sums times the factor, as far as a form goes before it rounds.

    The high halves of all lanes, or whole products of even, then of odd lanes; in HALVES 16 bits less of all
    lanes, plus the addend; in REAL what they are rounded to.
    """
    if form is Form.HIGH_SIGNED:
        sums = builder.shl(sums, every(LIFT, LANES))
    if form is Form.HALVES:
        rest = builder.bitcast(sums, SHORTS)
        rest = builder.select(constants.is_low, high_shorts(builder, rest, constants.low), rest)
        total = dot_pairs(builder, constants.addend, sums, constants.high)
        return [builder.add(total, builder.bitcast(rest, LANES))]
    if form is Form.REAL:
        return [_real(builder, sums, constants)]
    products = _products(builder, sums, constants)
    return products if form.is_wide else [merged(builder, products, 1)]


def rounded(builder: Any, sums: Value, products: list[Value], constants: Constants, form: Form) -> Value:
    """What `multiplied` made of sums, rounded by the shift, plus the zero point: int32, not yet clamped."""
    if form is Form.REAL:
        return products[0]
    if form is Form.HALVES:
        return builder.ashr(products[0], constants.shift)
    if not form.is_wide:
        total = builder.add(products[0], constants.addend)
        if form is Form.HIGH_SIGNED:
            negative = builder.icmp_signed("<", sums, every(0, LANES))
            total = builder.select(negative, builder.add(total, constants.negative), total)
        return builder.ashr(total, constants.shift)
    totals = []
    for lane, product in enumerate(products):
        first, second = constants.first[lane], constants.second[lane]
        if form is Form.WIDE_LAST:
            last = builder.and_(builder.lshr(product, constants.wide_shift[lane]), every(1, WORDS))
            more = builder.and_(builder.sub(every(0, WORDS), last), second)
            totals.append(builder.add(builder.add(product, first), more))
        else:
            negative = builder.icmp_signed("<", product, every(0, WORDS))
            totals.append(builder.add(product, builder.select(negative, second, first)))
    shifted = [builder.ashr(total, shift) for total, shift in zip(totals, constants.wide_shift, strict=True)]
    return merged(builder, shifted, 0)


def rescaled(builder: Any, sums: Value, constants: Constants, form: Form) -> Value:
    """int32 sums to int32 that narrowing and clamping make codes of."""
    return rounded(builder, sums, multiplied(builder, sums, constants, form), constants, form)


def _real(builder: Any, sums: Value, constants: Constants) -> Value:
    """The nearest integers of binary64 products, ties away from zero.

    Half of one, less its last bit, with the product's sign, is added before the fraction is cut off: that
    brings a tie to the next integer, by the addition's own rounding, and nothing below a tie.
    """
    half, made = COUNT // 2, []
    for part, scale in enumerate(constants.scale):
        own = pick(builder, sums, sums, list(range(part * half, (part + 1) * half)))
        product = builder.fmul(builder.sitofp(own, REALS), scale)
        sign = builder.and_(builder.bitcast(product, WORDS), every(-(1 << 63), WORDS))
        nearly = builder.bitcast(builder.or_(sign, every(_NEARLY_HALF, WORDS)), REALS)
        made.append(builder.fptosi(builder.fadd(product, nearly), own.type))
    low, high = made
    return pick(builder, low, high, list(range(COUNT)))


class Ends:
    """The zero point, the clamp's bounds and the flip behind it, in every element."""

    def __init__(self, builder: Any, address: Value, form: Form) -> None:
        zero, low, high, flip = (load(builder, address, 8 * place, I64) for place in range(4))
        self.zero = None if form in ZERO_WITHIN else splat(builder, builder.trunc(zero, I16), 2 * COUNT)
        self.low, self.high, self.flip = (
            splat(builder, builder.trunc(value, I8), VECTOR) for value in (low, high, flip)
        )


def shorts(builder: Any, four: list[Value], bounds: Ends) -> list[Value]:
    """Four vectors of int32 to two of int16, saturated, with the zero point: 4 of each vector by turns."""
    halves = [narrow_lanes(builder, *four[v : v + 2]) for v in (0, 2)]
    zero = bounds.zero
    return halves if zero is None else [add_shorts(builder, half, zero) for half in halves]


def clamped(builder: Any, halves: list[Value], bounds: Ends) -> Value:
    """What `shorts` made to one vector of bytes, clamped and flipped."""
    narrow, low, high = narrow_shorts(builder, *halves), bounds.low, bounds.high
    raised = builder.select(builder.icmp_signed("<", narrow, low), low, narrow)
    limited = builder.select(builder.icmp_signed(">", raised, high), high, raised)
    return builder.xor(limited, bounds.flip)


def codes(builder: Any, four: list[Value], bounds: Ends) -> Value:
    """Four vectors of int32 to one of bytes, clamped and flipped: 4 of each vector, part by part."""
    return clamped(builder, shorts(builder, four, bounds), bounds)
