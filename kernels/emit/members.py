"""How many codes lie in a set of codes: a bit for each of 256, looked up by shuffles of bytes."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types

from npusim.kernels.emit.build import I8, I64, Value, cgutils, every, load, number, piece
from npusim.kernels.emit.registers import BYTES, VECTOR, pick, shuffle_bytes
from npusim.kernels.isa import InstructionSet, selected

SET_BYTES = 32
"""Code ``8 * i + j``, as a byte, is bit j of byte i."""

HAS_SHUFFLES = int(selected() is not InstructionSet.GENERIC)
"""1: `count_members` may be called."""

_PART = ir.VectorType(I8, 16)
_BITS = ir.IntType(VECTOR)
_EVERYWHERE = [place % 16 for place in range(VECTOR)]


def _emit(builder: Any, codes: Value, vectors: Value, members: Value) -> Value:
    low, high = (
        pick(builder, half, half, _EVERYWHERE)
        for half in (load(builder, members, offset, _PART) for offset in (0, 16))
    )
    bits = ir.Constant(BYTES, [1 << (place % 8) for place in _EVERYWHERE])
    slot = cgutils.alloca_once_value(builder, number(0))
    with cgutils.for_range(builder, vectors) as vector:
        code = load(builder, codes, builder.mul(vector.index, number(VECTOR)), BYTES)
        # Shuffles see the lowest four bits of a place; the fifth is the code's sign.
        place = builder.lshr(code, every(3, BYTES))
        halves = [shuffle_bytes(builder, half, place) for half in (high, low)]
        own = builder.select(builder.icmp_signed("<", code, every(0, BYTES)), *halves)
        bit = shuffle_bytes(builder, bits, builder.and_(code, every(7, BYTES)))
        found = builder.icmp_unsigned("!=", builder.and_(own, bit), every(0, BYTES))
        more = builder.ctpop(builder.bitcast(found, _BITS))
        more = more if VECTOR == 64 else builder.zext(more, I64)
        builder.store(builder.add(builder.load(slot, typ=I64), more), slot)
    return builder.load(slot, typ=I64)


@piece
def count_members(typing: Any, codes: int, vectors: int, members: int) -> Any:
    """How many of ``vectors * VECTOR`` codes lie in a set: addresses of the codes, and of the set."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return _emit(builder, *values)

    return types.int64(*[types.int64] * 3), generate
