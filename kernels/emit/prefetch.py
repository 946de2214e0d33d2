"""Lines brought to the cache before they are read: tables that every run of a network reads once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from llvmlite import ir
from numba import types

from npusim.kernels.emit.build import I32, Value, at, cgutils, number, piece
from npusim.kernels.emit.count import ARRANGED, ENDS, HALF_AGAIN, MARK_BYTES, ROWS
from npusim.kernels.emit.count_once import SIGN_BYTES
from npusim.kernels.emit.registers import VECTOR
from npusim.kernels.emit.rescale import CONSTANT_BYTES, NEGATIVE, START

_GROUP = 4
_LINE = 64


def _emit(builder: Any, base: Value, offsets: Iterable[int]) -> None:
    kind = ir.FunctionType(ir.VoidType(), [ir.PointerType(), I32, I32, I32])
    function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
    for offset in offsets:
        read, near, data = (number(value, I32) for value in (0, 3, 1))
        builder.call(function, [at(builder, base, offset), read, near, data])


@piece
def prefetch_tables(typing: Any, signs: int, constants: int) -> Any:
    """The signs of four vectors, see `emit.count_once`, and the constants that the common forms read."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        rows = range(START, NEGATIVE + 1)
        lines = [CONSTANT_BYTES * vector + VECTOR * row for vector in range(_GROUP) for row in rows]
        _emit(builder, values[0], range(0, _GROUP * SIGN_BYTES, _LINE))
        _emit(builder, values[1], lines)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), generate


@piece
def prefetch_marks(typing: Any, address: int) -> Any:
    """Those of four vectors that are read where nothing has to be located, see `emit.count`."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        rows = range(ENDS, HALF_AGAIN + 1)
        lanes = [MARK_BYTES * vector + VECTOR * row for vector in range(_GROUP) for row in rows]
        _emit(builder, values[0], [*lanes, *range(VECTOR * ARRANGED, VECTOR * ROWS, VECTOR)])
        return context.get_dummy_value()

    return types.void(types.int64), generate
