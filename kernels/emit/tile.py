"""A register-blocked tile of dot products: a few output pixels by a few vectors of output channels.

There is one piece for each shape: rows and vectors are fixed so that all sums stay in registers.

Its arguments: addresses of the codes, of int64 byte offsets of each row's patch, of the weights
(``[quad][vector][16][4]``), of int64 byte offsets of the segments from the patch; how many
segments, quads a segment; what bytes are flipped by (0x80 four times makes int8 codes unsigned,
plus 128; not a constant: LLVM 22 does not come back from folding it); address of the first
vector's starting sums and the distance to the next; address of the sums, ``[row][vector][16]``.

Proof that the sums are right: every instruction adds modulo 2**32, so a sum is right modulo
2**32 whatever the offset of 128 made of the steps between. The start carries the bias minus 128
times the sum of the weights, modulo 2**32 as well. What is congruent to the true sum and lies in
int32 is the true sum, if that fits int32: this is what A5 proves for the whole code range.
"""

from __future__ import annotations

from typing import Any

from numba import types

from npusim.kernels.emit.build import (
    I32,
    I64,
    LANES,
    cgutils,
    dot_quads,
    load,
    number,
    piece,
    splat,
    store,
)

VECTOR = 64
"""Bytes of a vector: 16 sums, or four weights for each of 16 output channels."""

_SIGNATURE = types.void(*[types.int64] * 10)


def _emit(rows: int, vectors: int, builder: Any, values: Any) -> None:
    x, offsets, weights, segments, count, quads, flip, start, stride, out = values
    totals = [[cgutils.alloca_once(builder, LANES) for _ in range(vectors)] for _ in range(rows)]
    for v in range(vectors):
        first = load(builder, start, builder.mul(stride, number(v)))
        for r in range(rows):
            builder.store(first, totals[r][v])
    patches = [builder.add(x, load(builder, offsets, 8 * r, I64)) for r in range(rows)]
    flips = splat(builder, builder.trunc(flip, I32), 16)
    place = cgutils.alloca_once_value(builder, weights)
    with cgutils.for_range(builder, count) as segment:
        here = load(builder, segments, builder.mul(segment.index, number(8)), I64)
        codes = [builder.add(patch, here) for patch in patches]
        with cgutils.for_range(builder, quads) as quad:
            row = builder.load(place, typ=I64)
            matrix = [load(builder, row, VECTOR * v) for v in range(vectors)]
            along = builder.mul(quad.index, number(4))
            for r in range(rows):
                four = builder.xor(splat(builder, load(builder, codes[r], along, I32), 16), flips)
                for v in range(vectors):
                    total = builder.load(totals[r][v], typ=LANES)
                    builder.store(dot_quads(builder, total, four, matrix[v]), totals[r][v])
            builder.store(builder.add(row, number(VECTOR * vectors)), place)
    for r in range(rows):
        for v in range(vectors):
            store(builder, builder.load(totals[r][v], typ=LANES), out, VECTOR * (r * vectors + v))


def _piece(rows: int, vectors: int) -> tuple[Any, Any]:
    """What numba asks of an intrinsic: its types, and who writes it."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        _emit(rows, vectors, builder, values)
        return context.get_dummy_value()

    return _SIGNATURE, generate


@piece
def tile_6x4(
    typing: Any,
    x: int,
    offsets: int,
    weights: int,
    segments: int,
    count: int,
    quads: int,
    flip: int,
    start: int,
    stride: int,
    out: int,
) -> Any:
    """6 rows, 4 vectors."""
    return _piece(6, 4)


@piece
def tile_8x3(
    typing: Any,
    x: int,
    offsets: int,
    weights: int,
    segments: int,
    count: int,
    quads: int,
    flip: int,
    start: int,
    stride: int,
    out: int,
) -> Any:
    """8 rows, 3 vectors."""
    return _piece(8, 3)


@piece
def tile_8x2(
    typing: Any,
    x: int,
    offsets: int,
    weights: int,
    segments: int,
    count: int,
    quads: int,
    flip: int,
    start: int,
    stride: int,
    out: int,
) -> Any:
    """8 rows, 2 vectors."""
    return _piece(8, 2)


@piece
def tile_8x1(
    typing: Any,
    x: int,
    offsets: int,
    weights: int,
    segments: int,
    count: int,
    quads: int,
    flip: int,
    start: int,
    stride: int,
    out: int,
) -> Any:
    """8 rows, 1 vector."""
    return _piece(8, 1)
