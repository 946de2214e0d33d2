"""Depthwise sums of neighbouring codes up to their codes: of two output rows, below each other, at once.

Taps are interleaved, four bytes or two int16 a lane, so that the dot product adds taps of one channel.
Both rows' windows share most codes: what is interleaved once is multiplied by either's weights, zeros where
a tap is the other's. Interleaving within 128-bit parts puts channels in an order of its own (`ORDER`),
which narrowing to bytes undoes. The argument for exactness is that of `emit.multiply`.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numba import types

from npusim.kernels.emit.build import I64, Value, cgutils, dot_quads, load, number, piece, switch
from npusim.kernels.emit.multiply import Operands
from npusim.kernels.emit.order import Order, arranged
from npusim.kernels.emit.registers import (
    BYTES,
    COUNT,
    LANES,
    SHORTS,
    VECTOR,
    WIDE,
    dot_pairs,
    interleave,
    store_first,
)
from npusim.kernels.emit.rescale import CONSTANT_BYTES, Constants, Ends, Form, codes, rescaled

STRETCH = VECTOR
"""Codes of one output pixel, or of neighbouring ones, that are computed together."""

VECTORS = 4
TOGETHER = 2 if WIDE else 1
"""Stretches that share weights and constants."""

TAPS = {Operands.BYTES: 4, Operands.SHORTS: 2}
"""Taps of a group."""

KINDS = {1: Operands.SHORTS} | ({0: Operands.BYTES} if WIDE else {})
"""What is multiplied, by number."""

ORDER = {
    Operands.BYTES: np.array([[16 * (i // 4) + 4 * v + i % 4 for i in range(COUNT)] for v in range(VECTORS)]),
    Operands.SHORTS: np.array(
        [
            [v // 2 * 2 * COUNT + 8 * (i // 4) + 4 * (v % 2) + i % 4 for i in range(COUNT)]
            for v in range(VECTORS)
        ]
    ),
}
"""int[VECTORS, COUNT]: which code of the stretch each lane of each vector holds."""

NARROWED = {Operands.BYTES: Order.DONE, Operands.SHORTS: Order.BY_HALVES}
"""How narrowing leaves their codes."""

_COMMON = (Form.HIGH, Form.HIGH_SIGNED, Form.WIDE_SIGNED, Form.WIDE_LAST)
FORMS = {Operands.BYTES: (Form.HALVES, *_COMMON), Operands.SHORTS: _COMMON}

_SIGNATURE = types.void(*[types.int64] * 15)
ROW_PAIR = 2
"""Rows of a piece of work."""


def _quads(builder: Any, base: Value, offsets: list[Value]) -> list[Value]:
    """Four taps' bytes to four vectors of four taps a lane."""
    four = [load(builder, base, offset, BYTES) for offset in offsets]
    pairs = [
        [builder.bitcast(interleave(builder, a, b, high), SHORTS) for high in (False, True)]
        for a, b in ((four[0], four[1]), (four[2], four[3]))
    ]
    return [
        interleave(builder, pairs[0][half], pairs[1][half], high) for half in (0, 1) for high in (False, True)
    ]


def _pairs(builder: Any, base: Value, offsets: list[Value]) -> list[Value]:
    """Two taps' int16 to four vectors of two taps a lane."""
    made = []
    for half in (0, 1):
        two = [load(builder, builder.add(base, number(half * VECTOR)), offset, SHORTS) for offset in offsets]
        made += [interleave(builder, two[0], two[1], high) for high in (False, True)]
    return made


def channel_sums(operands: Operands, builder: Any, values: Any) -> list[list[Value]]:
    """The sums, [stretch and row][vector], of a piece's arguments up to the constants."""
    first, second, taps, groups, weights, starts = values
    bases = [first, second][:TOGETHER]
    taken = TAPS[operands]
    totals = [[cgutils.alloca_once(builder, LANES) for _ in range(VECTORS)] for _ in bases * ROW_PAIR]
    for v in range(VECTORS):
        start = load(builder, starts, CONSTANT_BYTES * v, LANES)
        for own in totals:
            builder.store(start, own[v])
    with cgutils.for_range(builder, groups) as group:
        places = builder.add(taps, builder.mul(group.index, number(8 * taken)))
        matrix = builder.add(weights, builder.mul(group.index, number(VECTOR * VECTORS * ROW_PAIR)))
        offsets = [load(builder, places, 8 * tap, I64) for tap in range(taken)]
        read = _quads if operands is Operands.BYTES else _pairs
        lanes = [read(builder, base, offsets) for base in bases]
        for v in range(VECTORS):
            for row in range(ROW_PAIR):
                factors = load(builder, matrix, VECTOR * (row * VECTORS + v), LANES)
                for place, own in enumerate(lanes):
                    slot = totals[place * ROW_PAIR + row][v]
                    total = builder.load(slot, typ=LANES)
                    dot = dot_quads if operands is Operands.BYTES else dot_pairs
                    builder.store(dot(builder, total, own[v], factors), slot)
    return [[builder.load(slot, typ=LANES) for slot in own] for own in totals]


def _emit(operands: Operands, form: Form, builder: Any, values: Any) -> None:
    _finish(operands, form, builder, channel_sums(operands, builder, values[:6]), values[5:])


def _finish(operands: Operands, form: Form, builder: Any, sums: list[list[Value]], values: Any) -> None:
    """Sums to codes in memory."""
    constants, ends, out, other, below, count, other_count, both = values
    bounds = Ends(builder, ends, form)
    made: list[list[Value]] = [[] for _ in sums]
    for v in range(VECTORS):
        own = Constants(builder, builder.add(constants, number(CONSTANT_BYTES * v)), form)
        for codes_of, values_of in zip(made, sums, strict=True):
            codes_of.append(rescaled(builder, values_of[v], own, form))
    places = [(out, count), (other, other_count)][:TOGETHER]
    for index, four in enumerate(made):
        place, length = places[index // ROW_PAIR]
        if index % ROW_PAIR:
            place, length = builder.add(place, below), builder.mul(length, both)
        made_codes = arranged(builder, codes(builder, four, bounds), NARROWED[operands])
        store_first(builder, made_codes, place, length)


@piece
def channels(
    typing: Any,
    shorts: int,
    form: int,
    first: int,
    second: int,
    taps: int,
    groups: int,
    weights: int,
    constants: int,
    ends: int,
    out: int,
    other: int,
    below: int,
    count: int,
    other_count: int,
    both: int,
) -> Any:
    """Two stretches of both rows, in one of `FORMS`.

    Its arguments: 1 for int16, without AVX-512 always; form; addresses of both stretches' codes (unsigned
    bytes, or int16), of int64 byte offsets of the taps; groups of taps; addresses of the weights
    (``[group][row][vector][COUNT][taps]``) and of four vectors' constants, and of `Ends`; addresses of both
    stretches' codes in the upper row, bytes from there to the lower row; how many codes of each are written;
    1 if the lower row is.
    """

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        chosen, rest = values[:2], values[2:]
        cases = (
            ((kind, own), partial(_emit, operands, own, builder, rest))
            for kind, operands in KINDS.items()
            for own in FORMS[operands]
        )
        switch(builder, chosen, cases)
        return context.get_dummy_value()

    return _SIGNATURE, generate
