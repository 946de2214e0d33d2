"""Vectors as wide as the selected instruction set has them: 512 bits with AVX-512, else 256."""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from npusim.kernels.emit.build import I8, I16, I32, I64, Value, cgutils, number, store
from npusim.kernels.isa import InstructionSet, selected

WIDE = selected() is InstructionSet.AVX512_VNNI

COUNT = 16 if WIDE else 8
"""32-bit lanes of a vector."""

VECTOR = 4 * COUNT
"""Bytes of a vector."""

BYTES = ir.VectorType(I8, VECTOR)
SHORTS = ir.VectorType(I16, 2 * COUNT)
LANES = ir.VectorType(I32, COUNT)
WORDS = ir.VectorType(I64, COUNT // 2)
REALS = ir.VectorType(ir.DoubleType(), COUNT // 2)

PARTS = COUNT // 4
"""128-bit parts of a vector: what unpacking and narrowing stay within."""


def pick(builder: Any, a: Value, b: Value, places: list[int]) -> Value:
    """Elements of a, then b, by number."""
    return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(I32, len(places)), places))


def interleave(builder: Any, a: Value, b: Value, high: bool) -> Value:
    """``vpunpck``: elements of a and b in turn, from the low or high half of each part."""
    total = a.type.count
    part = total // PARTS
    places = []
    for first in range(0, total, part):
        start = first + (part // 2 if high else 0)
        for i in range(start, start + part // 2):
            places += [i, total + i]
    return pick(builder, a, b, places)


def _x86(builder: Any, name: str, result: Any, operands: list[Value]) -> Value:
    kind = ir.FunctionType(result, [operand.type for operand in operands])
    function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.x86.{name}")
    return builder.call(function, operands)


def narrow_lanes(builder: Any, a: Value, b: Value) -> Value:
    """``vpackssdw``: two vectors of int32 to int16, saturated, part by part."""
    return _x86(builder, "avx512.packssdw.512" if WIDE else "avx2.packssdw", SHORTS, [a, b])


def merge_shorts(builder: Any, a: Value, b: Value) -> Value:
    """``vpackusdw``: two vectors of int32 from 0 to 2**16 - 1 to uint16, part by part."""
    return _x86(builder, "avx512.packusdw.512" if WIDE else "avx2.packusdw", SHORTS, [a, b])


def narrow_shorts(builder: Any, a: Value, b: Value) -> Value:
    """``vpacksswb``: two vectors of int16 to int8, saturated, part by part."""
    return _x86(builder, "avx512.packsswb.512" if WIDE else "avx2.packsswb", BYTES, [a, b])


def apart(builder: Any, value: Value) -> Value:
    """The same vector, of which LLVM no longer knows that: what two branches do to it stays in them.

    It would do it ahead of both, and keep the results of a whole tile in memory.
    """
    kind = ir.FunctionType(value.type, [value.type])
    return builder.asm(kind, "", "=v,0" if WIDE else "=x,0", [value], side_effect=False)


def permute(builder: Any, lanes: Value, index: Value) -> Value:
    """``vpermd``: lanes by number."""
    return _x86(builder, "avx512.permvar.si.512" if WIDE else "avx2.permd", LANES, [lanes, index])


def add_shorts(builder: Any, a: Value, b: Value) -> Value:
    """``vpaddsw``: the sum of int16, saturated."""
    kind = ir.FunctionType(SHORTS, [SHORTS, SHORTS])
    name = f"llvm.sadd.sat.v{SHORTS.count}i16"
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), [a, b])


def shuffle_bytes(builder: Any, table: Value, places: Value) -> Value:
    """``vpshufb``: bytes of each 128-bit part of a table, by the lowest four bits of places below 128."""
    return _x86(builder, "avx512.pshuf.b.512" if WIDE else "avx2.pshuf.b", BYTES, [table, places])


def add_up_bytes(builder: Any, values: Value) -> Value:
    """``vpsadbw``: sums of eight bytes each, as int64."""
    name = "avx512.psad.bw.512" if WIDE else "avx2.psad.bw"
    return _x86(builder, name, WORDS, [values, ir.Constant(BYTES, None)])


def dot_pairs(builder: Any, total: Value, a: Value, b: Value) -> Value:
    """``vpmaddwd`` and an addition: two products of int16 a lane, added modulo 2**32.

    Only the sum of two products of -32768 by -32768 leaves 32 bits, and becomes what it is modulo 2**32.
    With VNNI ``vpdpwssd``, which does both.
    """
    operands = [builder.bitcast(operand, SHORTS) for operand in (a, b)]
    if WIDE:
        return _x86(builder, "avx512.vpdpwssd.512", LANES, [total, *operands])
    return builder.add(total, _x86(builder, "avx2.pmadd.wd", LANES, operands))


def high_shorts(builder: Any, a: Value, b: Value) -> Value:
    """``vpmulhuw``: the high halves of products of unsigned int16."""
    return _x86(builder, "avx512.pmulhu.w.512" if WIDE else "avx2.pmulhu.w", SHORTS, [a, b])


def store_first(builder: Any, value: Value, address: Value, count: Value) -> None:
    """Write the first `count` bytes of a vector of bytes; none if it is negative; no byte behind them."""
    length = value.type.count
    whole = builder.icmp_signed(">=", count, number(length))
    with builder.if_else(whole) as (then, otherwise):
        with then:
            store(builder, value, address, 0)
        with otherwise:
            if WIDE:
                _store_masked(builder, value, address, count)
            else:
                _store_bytewise(builder, value, address, count)


def _store_masked(builder: Any, value: Value, address: Value, count: Value) -> None:
    length = value.type.count
    bits, one = ir.IntType(length), number(1)
    some = builder.select(builder.icmp_signed(">", count, number(0)), count, number(0))
    mask = builder.sub(builder.shl(one, some), one)
    mask = mask if length == 64 else builder.trunc(mask, bits)
    flags = ir.VectorType(ir.IntType(1), length)
    pointer = builder.inttoptr(address, ir.PointerType())
    kind = ir.FunctionType(ir.VoidType(), [value.type, pointer.type, I32, flags])
    name = f"llvm.masked.store.v{length}i8.p0"
    function = cgutils.get_or_insert_function(builder.module, kind, name)
    builder.call(function, [value, pointer, number(1, I32), builder.bitcast(mask, flags)])


def _store_bytewise(builder: Any, value: Value, address: Value, count: Value) -> None:
    slot = cgutils.alloca_once(builder, value.type)
    builder.store(value, slot)
    memory = builder.ptrtoint(slot, I64)
    with cgutils.for_range(builder, count) as place:
        source = builder.inttoptr(builder.add(memory, place.index), ir.PointerType())
        target = builder.inttoptr(builder.add(address, place.index), ir.PointerType())
        builder.store(builder.load(source, typ=I8), target)
