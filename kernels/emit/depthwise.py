"""Depthwise sums of 64 neighbouring bytes, two output pixels or stretches at a time, up to their codes.

Four taps are interleaved byte by byte, so that ``vpdpbusd`` adds four taps of one channel. Interleaving
within 128-bit lanes puts channels in an order of its own (`ORDER`), which narrowing to bytes undoes.
The argument for exactness is that of `emit.tile`: modulo 2**32, with a start that takes the offset off.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types

from npusim.kernels.emit.build import (
    BYTES,
    I16,
    I32,
    I64,
    LANES,
    Value,
    call_x86,
    cgutils,
    dot_quads,
    load,
    number,
    piece,
    splat,
    store,
    store_bytes,
)
from npusim.kernels.emit.finish import CONSTANT_BYTES, Constants, limited, rescaled
from npusim.kernels.fuse import Correction

STRETCH = 64
"""Codes of one output pixel, or of neighbouring ones, that are computed together."""

VECTORS = 4
TAPS = 4
"""Taps of a group."""

ORDER = np.array([[16 * (i // 4) + 4 * v + i % 4 for i in range(16)] for v in range(VECTORS)])
"""int[VECTORS, 16]: which byte of the stretch each lane of each vector holds."""

TOGETHER = 2

_HALVES = ir.VectorType(I16, 32)
_SIGNATURE = types.void(*[types.int64] * 13)


def _unpack(builder: Any, a: Value, b: Value, width: int, high: bool) -> Value:
    """``vpunpck``: elements of a and b in turn, from the low or high half of each 128-bit lane."""
    total = a.type.count
    lane = 128 // width
    pick = []
    for first in range(0, total, lane):
        start = first + (lane // 2 if high else 0)
        for i in range(start, start + lane // 2):
            pick += [i, total + i]
    return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(I32, total), pick))


def _interleaved(builder: Any, four: list[Value]) -> list[Value]:
    """Four stretches to four vectors of four taps a lane, in `ORDER`."""
    pairs = [
        [builder.bitcast(_unpack(builder, a, b, 8, high), _HALVES) for high in (False, True)]
        for a, b in ((four[0], four[1]), (four[2], four[3]))
    ]
    return [
        _unpack(builder, pairs[0][half], pairs[1][half], 16, high)
        for half in (0, 1)
        for high in (False, True)
    ]


def _sums(builder: Any, bases: list[Value], taps: Value, groups: Value, weights: Value, starts: Value) -> Any:
    """Slots of the sums: [base][vector]."""
    totals = [[cgutils.alloca_once(builder, LANES) for _ in range(VECTORS)] for _ in bases]
    for v in range(VECTORS):
        start = load(builder, starts, CONSTANT_BYTES * v)
        for own in totals:
            builder.store(start, own[v])
    with cgutils.for_range(builder, groups) as group:
        places = builder.add(taps, builder.mul(group.index, number(8 * TAPS)))
        matrix = builder.add(weights, builder.mul(group.index, number(64 * VECTORS)))
        offsets = [load(builder, places, 8 * tap, I64) for tap in range(TAPS)]
        rows = [load(builder, matrix, 64 * v) for v in range(VECTORS)]
        for base, own in zip(bases, totals, strict=True):
            codes = [load(builder, base, offset, BYTES) for offset in offsets]
            for v, quads in enumerate(_interleaved(builder, codes)):
                total = builder.load(own[v], typ=LANES)
                builder.store(dot_quads(builder, total, quads, rows[v]), own[v])
    return totals


def _emit(correction: Correction, builder: Any, values: Any) -> None:
    first, second, taps, groups, weights, constants, low, high, out, other, count, other_count, kept = values
    totals = _sums(builder, [first, second], taps, groups, weights, constants)
    with builder.if_then(builder.icmp_signed("!=", kept, number(0))):
        for index, slot in enumerate(slot for own in totals for slot in own):
            store(builder, builder.load(slot, typ=LANES), kept, STRETCH * index)
    bounds = [splat(builder, builder.trunc(bound, I32), 16) for bound in (low, high)]
    codes: list[list[Value]] = [[] for _ in range(TOGETHER)]
    for v in range(VECTORS):
        own = Constants(builder, builder.add(constants, number(CONSTANT_BYTES * v)), correction)
        for made, slots in zip(codes, totals, strict=True):
            sums = builder.load(slots[v], typ=LANES)
            made.append(limited(builder, rescaled(builder, sums, own, correction), *bounds))
    for made, place, length in zip(codes, (out, other), (count, other_count), strict=True):
        halves = [call_x86(builder, "packssdw.512", _HALVES, made[v : v + 2]) for v in (0, 2)]
        store_bytes(builder, call_x86(builder, "packsswb.512", BYTES, halves), place, length)


def _piece(correction: Correction) -> tuple[Any, Any]:
    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        _emit(correction, builder, values)
        return context.get_dummy_value()

    return _SIGNATURE, generate


@piece
def depthwise_plain(
    typing: Any,
    first: int,
    second: int,
    taps: int,
    groups: int,
    weights: int,
    constants: int,
    low: int,
    high: int,
    out: int,
    other: int,
    count: int,
    other_count: int,
    kept: int,
) -> Any:
    """Two stretches to int8 codes; no correction.

    Its arguments: addresses of both stretches' codes (unsigned bytes), of int64 byte offsets of the
    taps; groups of taps; addresses of the weights (``[group][vector][16][4]``) and constants (four
    vectors'); bounds; addresses of both outputs and how many codes of each are written; where the
    sums are kept, ``[stretch][vector][16]``, or 0.
    """
    return _piece(Correction.NONE)


@piece
def depthwise_by_sign(
    typing: Any,
    first: int,
    second: int,
    taps: int,
    groups: int,
    weights: int,
    constants: int,
    low: int,
    high: int,
    out: int,
    other: int,
    count: int,
    other_count: int,
    kept: int,
) -> Any:
    """As `depthwise_plain`, corrected where the product is negative."""
    return _piece(Correction.BY_SIGN)


@piece
def depthwise_by_last(
    typing: Any,
    first: int,
    second: int,
    taps: int,
    groups: int,
    weights: int,
    constants: int,
    low: int,
    high: int,
    out: int,
    other: int,
    count: int,
    other_count: int,
    kept: int,
) -> Any:
    """As `depthwise_plain`, corrected where the lowest kept bit is set."""
    return _piece(Correction.BY_LAST)
