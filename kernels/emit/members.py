"""How many codes lie in a set of codes: a bit for each of 256, looked up by shuffles of bytes."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Any

from llvmlite import ir
from numba import types

from npusim.kernels.emit.build import I8, I64, Value, cgutils, every, load, number, piece, splat
from npusim.kernels.emit.registers import BYTES, SHORTS, VECTOR, WORDS, add_up_bytes, pick, shuffle_bytes
from npusim.kernels.isa import InstructionSet, selected

SET_BYTES = 34
"""Code ``128 * i + 16 * j + k``, as a byte, is bit j of byte ``16 * i + k``; behind them `WAY` and `CODE`."""

WAY, CODE = 32, 33


class Way(IntEnum):
    """How a set's members are counted."""

    LOOKED_UP = 0
    """Code by code."""
    ONE = 1
    """It has CODE only."""
    ALL_BUT_ONE = 2
    """It has all but CODE."""
    AS_BEFORE = 3
    """It is the same as the set before."""


HAS_SHUFFLES = int(selected() is not InstructionSet.GENERIC)
"""1: the pieces may be called."""

_PART = ir.VectorType(I8, 16)
_EVERYWHERE = [place % 16 for place in range(VECTOR)]
_AT_ONCE = 255
"""Vectors whose flags a byte can count."""


def _counted(builder: Any, codes: Value, vectors: Value, look: Callable[[Value], Value]) -> Value:
    """The sum of what `look` makes of vectors of codes: 0 or 1 a byte."""
    total = cgutils.alloca_once_value(builder, every(0, WORDS))
    sums, left, place = (cgutils.alloca_once(builder, kind) for kind in (BYTES, I64, I64))
    builder.store(vectors, left)
    builder.store(codes, place)
    blocks = builder.udiv(builder.add(vectors, number(_AT_ONCE - 1)), number(_AT_ONCE))
    with cgutils.for_range(builder, blocks):
        rest, start = (builder.load(slot, typ=I64) for slot in (left, place))
        now = builder.select(builder.icmp_signed("<", rest, number(_AT_ONCE)), rest, number(_AT_ONCE))
        builder.store(every(0, BYTES), sums)
        with cgutils.for_range(builder, now) as vector:
            flags = look(load(builder, start, builder.mul(vector.index, number(VECTOR)), BYTES))
            builder.store(builder.add(builder.load(sums, typ=BYTES), flags), sums)
        more = add_up_bytes(builder, builder.load(sums, typ=BYTES))
        builder.store(builder.add(builder.load(total, typ=WORDS), more), total)
        builder.store(builder.sub(rest, now), left)
        builder.store(builder.add(start, builder.mul(now, number(VECTOR))), place)
    words, number_of = builder.load(total, typ=WORDS), number(0)
    for lane in range(WORDS.count):
        number_of = builder.add(number_of, builder.extract_element(words, number(lane)))
    return number_of


def _flags(builder: Any, values: Value) -> Value:
    """1 where a byte is not 0."""
    one = every(1, BYTES)
    return builder.select(builder.icmp_unsigned("<", values, one), values, one)


def _emit_members(builder: Any, codes: Value, vectors: Value, members: Value) -> Value:
    low, high = (
        pick(builder, half, half, _EVERYWHERE)
        for half in (load(builder, members, offset, _PART) for offset in (0, 16))
    )
    bits = ir.Constant(BYTES, [1 << (place % 8) for place in _EVERYWHERE])

    def look(code: Value) -> Value:
        # Shuffles see the lowest four bits of a place, and make 0 of those with the sign.
        first = shuffle_bytes(builder, low, code)
        second = shuffle_bytes(builder, high, builder.xor(code, every(0x80, BYTES)))
        moved = builder.bitcast(builder.lshr(builder.bitcast(code, SHORTS), every(4, SHORTS)), BYTES)
        bit = shuffle_bytes(builder, bits, builder.and_(moved, every(15, BYTES)))
        return _flags(builder, builder.and_(builder.or_(first, second), bit))

    return _counted(builder, codes, vectors, look)


def _emit_others(builder: Any, codes: Value, vectors: Value, code: Value) -> Value:
    own = splat(builder, builder.trunc(code, I8), VECTOR)
    return _counted(builder, codes, vectors, lambda read: _flags(builder, builder.xor(read, own)))


@piece
def count_members(typing: Any, codes: int, vectors: int, members: int) -> Any:
    """How many of ``vectors * VECTOR`` codes lie in a set: addresses of the codes, and of the set."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return _emit_members(builder, *values)

    return types.int64(*[types.int64] * 3), generate


@piece
def count_others(typing: Any, codes: int, vectors: int, code: int) -> Any:
    """How many of ``vectors * VECTOR`` codes are not this one."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return _emit_others(builder, *values)

    return types.int64(*[types.int64] * 3), generate
