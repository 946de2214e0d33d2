"""Small words for writing LLVM IR."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import reduce
from typing import Any

from llvmlite import ir
from numba.core import cgutils as untyped
from numba.extending import intrinsic

cgutils: Any = untyped
"""numba's own words."""

I8, I16, I32, I64 = (ir.IntType(bits) for bits in (8, 16, 32, 64))
POINTER = ir.PointerType()
BYTES = ir.VectorType(I8, 64)
LANES = ir.VectorType(I32, 16)
WORDS = ir.VectorType(I64, 8)
"""The three ways to see a 512-bit vector."""

Value = Any
"""An LLVM value."""


def piece(definition: Callable[..., Any]) -> Any:
    """What kernels call like a function; numba asks `definition` for its types and for who writes it."""
    return intrinsic(definition)


def number(value: int, kind: Any = I64) -> Value:
    """A constant."""
    return ir.Constant(kind, value)


def switch(
    builder: Any, chosen: list[Value], cases: Iterable[tuple[tuple[int, ...], Callable[[], None]]]
) -> None:
    """The code of every case, each run where the chosen numbers are its own.

    So one piece has many forms, and is compiled where it is called; a function around a piece for each form
    would be compiled twice, by itself and again in its caller.
    """
    rest = iter(cases)
    case = next(rest, None)
    if case is None:
        return
    numbers, write = case
    same = [builder.icmp_signed("==", value, number(own)) for value, own in zip(chosen, numbers, strict=True)]
    # One or the other: what a case reads need not be kept for those behind it.
    with builder.if_else(reduce(builder.and_, same)) as (then, otherwise):
        with then:
            write()
        with otherwise:
            switch(builder, chosen, rest)


def at(builder: Any, base: Value, offset: Value | int) -> Value:
    """The pointer `offset` bytes from an address."""
    shift = number(offset) if isinstance(offset, int) else offset
    return builder.inttoptr(builder.add(base, shift), POINTER)


def load(builder: Any, base: Value, offset: Value | int, kind: Any = LANES) -> Value:
    """What lies there; nothing is assumed of its alignment."""
    return builder.load(at(builder, base, offset), typ=kind, align=1)


def store(builder: Any, value: Value, base: Value, offset: Value | int) -> None:
    """Write without assuming alignment."""
    builder.store(value, at(builder, base, offset), align=1)


def opaque(builder: Any, value: Value) -> Value:
    """An int64 of which LLVM no longer knows where it comes from: it loads anew what lies at an address.

    Where a loop has more constants than there are registers, LLVM would copy them to the stack before it.
    """
    kind = ir.FunctionType(I64, [I64])
    return builder.asm(kind, "", "=r,0", [value], side_effect=True)


def splat(builder: Any, value: Value, lanes: int) -> Value:
    """A scalar in every lane."""
    nothing = ir.Constant(ir.VectorType(value.type, lanes), ir.Undefined)
    first = builder.insert_element(nothing, value, number(0, I32))
    return builder.shuffle_vector(first, nothing, ir.Constant(ir.VectorType(I32, lanes), [0] * lanes))


def every(value: int, kind: Any) -> Value:
    """A vector constant with one value in every lane."""
    return ir.Constant(kind, [value] * kind.count)


def dot_quads(builder: Any, total: Value, unsigned: Value, signed: Value) -> Value:
    """``vpdpbusd``: four products of an unsigned and a signed byte a lane, added modulo 2**32.

    It does not saturate (its sibling ``vpdpbusds`` does).
    """
    kind = ir.FunctionType(LANES, [LANES, BYTES, BYTES])
    function = cgutils.get_or_insert_function(builder.module, kind, "llvm.x86.avx512.vpdpbusd.512")
    operands = (builder.bitcast(operand, BYTES) for operand in (unsigned, signed))
    return builder.call(function, [total, *operands])
