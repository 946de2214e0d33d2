"""Words that several threads share: one takes, all see. Sequentially consistent."""

from __future__ import annotations

import platform
from typing import Any

from llvmlite import ir
from numba import types

from npusim.kernels.emit.build import I32, I64, POINTER, cgutils, number, piece

_ORDER = "seq_cst"
_X86 = platform.machine().lower() in {"x86_64", "amd64", "i386", "i686"}


@piece
def exchange(typing: Any, address: int, value: int) -> Any:
    """Write an int64, and return what was there."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        place, new = values
        return builder.atomic_rmw("xchg", builder.inttoptr(place, POINTER), new, _ORDER)

    return types.int64(types.int64, types.int64), generate


@piece
def count_up(typing: Any, address: int) -> Any:
    """Add one to an int64, and return what was there."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.atomic_rmw("add", builder.inttoptr(values[0], POINTER), number(1), _ORDER)

    return types.int64(types.int64), generate


@piece
def read(typing: Any, address: int) -> Any:
    """An int64 as the threads left it last."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.load_atomic(builder.inttoptr(values[0], POINTER), _ORDER, 8, typ=I64)

    return types.int64(types.int64), generate


@piece
def breathe(typing: Any) -> Any:
    """Tell the processor that this thread only waits."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        if _X86:
            kind = ir.FunctionType(ir.VoidType(), [])
            builder.call(cgutils.get_or_insert_function(builder.module, kind, "llvm.x86.sse2.pause"), [])
        return context.get_dummy_value()

    return types.void(), generate


@piece
def give_way(typing: Any, function: int) -> Any:
    """Call a function of the operating system's that lets other threads run; 0: there is none."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        (address,) = values
        with builder.if_then(builder.icmp_signed("!=", address, number(0))):
            builder.call(builder.inttoptr(address, ir.FunctionType(I32, []).as_pointer()), [])
        return context.get_dummy_value()

    return types.void(types.int64), generate
