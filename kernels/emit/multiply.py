"""Register-blocked tiles of dot products: a few output pixels by a few vectors of output channels.

There is code for each shape: rows and vectors are fixed so that all sums stay in registers. Codes
and weights are bytes, four products a lane (``vpdpbusd``: unsigned by signed, AVX-512 VNNI), or int16, two
products a lane (``vpmaddwd``). ``vpmaddubsw`` saturates: it is not used.

A tile's arguments: addresses of the codes, of int64 byte offsets of each row's patch, of the weights
(``[step][vector][COUNT][4 or 2]``), of int64 byte offsets of the segments from the patch; how many
segments, steps of four bytes a segment; what bytes are flipped by (0x80 four times makes int8 codes
unsigned, plus 128; not a constant: LLVM 22 does not come back from folding it); address of the first
vector's starting sums and the distance to the next; address of the sums, ``[row][vector][COUNT]``.

Proof that the sums are right: every instruction adds modulo 2**32, so a sum is right modulo 2**32
whatever the offset of 128 made of the steps between. The start carries the bias minus 128 times the sum
of the weights, modulo 2**32 as well. What is congruent to the true sum and lies in int32 is the true sum,
if that fits int32: this is what A5 proves for the whole code range.
"""

from __future__ import annotations

from enum import Enum
from functools import partial
from typing import Any

from numba import types

from npusim.kernels.emit.build import (
    I32,
    I64,
    Value,
    cgutils,
    dot_quads,
    load,
    number,
    piece,
    splat,
    store,
    switch,
)
from npusim.kernels.emit.registers import COUNT, LANES, VECTOR, WIDE, dot_pairs

_SIGNATURE = types.void(*[types.int64] * 12)


class Operands(Enum):
    """What is multiplied."""

    BYTES = "unsigned bytes by signed ones"
    SHORTS = "int16"


SHAPES = {4: 6, 2: 8, 1: 8} if WIDE else {2: 6, 1: 8}
"""Rows of a tile by its vectors: as many as there are registers for."""

MOST_ROWS = 8
MOST_SUMS = max(rows * vectors for vectors, rows in SHAPES.items())
"""Vectors of sums of the largest tile."""


def tile_sums(operands: Operands, vectors: int, builder: Any, values: Any) -> list[list[Value]]:
    """A tile's sums in registers, ``[row][vector]``.

    `values` are a piece's arguments but the last, with a vector of flips.
    """
    rows = SHAPES[vectors]
    x, offsets, weights, segments, count, steps, flips, start, stride = values
    totals = [[cgutils.alloca_once(builder, LANES) for _ in range(vectors)] for _ in range(rows)]
    for v in range(vectors):
        first = load(builder, start, builder.mul(stride, number(v)), LANES)
        for r in range(rows):
            builder.store(first, totals[r][v])
    patches = [builder.add(x, load(builder, offsets, 8 * r, I64)) for r in range(rows)]
    place = cgutils.alloca_once_value(builder, weights)
    with cgutils.for_range(builder, count) as segment:
        here = load(builder, segments, builder.mul(segment.index, number(8)), I64)
        codes = [builder.add(patch, here) for patch in patches]
        with cgutils.for_range(builder, steps) as step:
            row = builder.load(place, typ=I64)
            matrix = [load(builder, row, VECTOR * v, LANES) for v in range(vectors)]
            along = builder.mul(step.index, number(4))
            for r in range(rows):
                four = splat(builder, load(builder, codes[r], along, I32), COUNT)
                for v in range(vectors):
                    total = builder.load(totals[r][v], typ=LANES)
                    builder.store(_dot(builder, operands, total, four, matrix[v], flips), totals[r][v])
            builder.store(builder.add(row, number(VECTOR * vectors)), place)
    return [[builder.load(total, typ=LANES) for total in own] for own in totals]


def store_sums(builder: Any, sums: list[list[Value]], out: Value) -> None:
    """Write a tile's sums to memory."""
    for place, value in enumerate(value for own in sums for value in own):
        store(builder, value, out, VECTOR * place)


def _dot(builder: Any, operands: Operands, total: Value, four: Value, matrix: Value, flips: Value) -> Value:
    if operands is Operands.SHORTS:
        return dot_pairs(builder, total, four, matrix)
    return dot_quads(builder, total, builder.xor(four, flips), matrix)


def _emit(operands: Operands, vectors: int, builder: Any, values: Any) -> None:
    *taken, flip, start, stride, out = values
    flips = splat(builder, builder.trunc(flip, I32), COUNT)
    store_sums(builder, tile_sums(operands, vectors, builder, [*taken, flips, start, stride]), out)


@piece
def multiply(
    typing: Any,
    shorts: int,
    vectors: int,
    x: int,
    offsets: int,
    weights: int,
    segments: int,
    count: int,
    steps: int,
    flip: int,
    start: int,
    stride: int,
    out: int,
) -> Any:
    """A tile of so many vectors, of bytes, or of int16 (`shorts` is 1; nothing is flipped).

    Without AVX-512 there are no bytes.
    """

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        chosen, rest = values[:2], values[2:]
        kinds = {1: Operands.SHORTS} | ({0: Operands.BYTES} if WIDE else {})
        switch(
            builder,
            chosen,
            (
                ((kind, own), partial(_emit, operands, own, builder, rest))
                for kind, operands in kinds.items()
                for own in SHAPES
            ),
        )
        return context.get_dummy_value()

    return _SIGNATURE, generate
