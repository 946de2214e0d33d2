"""A register-blocked tile of dot products of 16-bit operands: two products a lane (AVX2).

``vpmaddwd`` multiplies exactly and adds two products in 32 bits. Only the sum of two products of
-32768 by -32768 leaves them, and becomes what it is modulo 2**32; the additions are modulo 2**32 too.
A sum that is proven to fit int32 is therefore right. (``vpmaddubsw`` saturates: it is not used.)
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types

from npusim.kernels.emit.build import I16, I32, Value, cgutils, load, number, piece, splat, store

LANES = ir.VectorType(I32, 8)
SHORTS = ir.VectorType(I16, 16)
VECTOR = 32
ROWS, VECTORS = 6, 2


def _multiply_add(builder: Any, a: Value, b: Value) -> Value:
    kind = ir.FunctionType(LANES, [SHORTS, SHORTS])
    function = cgutils.get_or_insert_function(builder.module, kind, "llvm.x86.avx2.pmadd.wd")
    return builder.call(function, [builder.bitcast(a, SHORTS), builder.bitcast(b, SHORTS)])


def _emit(builder: Any, x: Value, stride: Value, weights: Value, pairs: Value, out: Value) -> None:
    nothing = ir.Constant(LANES, [0] * LANES.count)
    totals = [[cgutils.alloca_once_value(builder, nothing) for _ in range(VECTORS)] for _ in range(ROWS)]
    codes = [builder.add(x, builder.mul(stride, number(r))) for r in range(ROWS)]
    for total in (slot for own in totals for slot in own):
        builder.store(nothing, total)
    with cgutils.for_range(builder, pairs) as pair:
        row = builder.add(weights, builder.mul(pair.index, number(VECTOR * VECTORS)))
        matrix = [load(builder, row, VECTOR * v, LANES) for v in range(VECTORS)]
        along = builder.mul(pair.index, number(4))
        for r in range(ROWS):
            two = splat(builder, load(builder, codes[r], along, I32), LANES.count)
            for v in range(VECTORS):
                total = builder.load(totals[r][v], typ=LANES)
                more = _multiply_add(builder, two, matrix[v])
                builder.store(builder.add(total, more), totals[r][v])
    for r in range(ROWS):
        for v in range(VECTORS):
            store(builder, builder.load(totals[r][v], typ=LANES), out, VECTOR * (r * VECTORS + v))


@piece
def pairs_6x2(typing: Any, x: int, stride: int, weights: int, pairs: int, out: int) -> Any:
    """Six rows of sums, 16 columns each.

    Its arguments: address of six rows of int16 codes and the bytes from row to row; address of int16
    weights, ``[pair][16][2]``; pairs of products; address of int32 sums, ``[6][16]``.
    """

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        _emit(builder, *values)
        return context.get_dummy_value()

    return types.void(*[types.int64] * 5), generate
