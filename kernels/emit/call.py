"""Calls of compiled kernels by address, their arguments read from memory: no Python between two steps.

The address is that of numba's own entry for given argument types; whoever hands it over keeps kernel and
arrays alive. Kernels raise nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numba import types
from numba.np import arrayobj as untyped

from npusim.kernels.emit.build import I64, Value, cgutils, load, number, piece

arrayobj: Any = untyped

BYTES = types.Array(types.uint8, 1, "C")
INPUT = types.Array(types.uint8, 1, "C", readonly=True)
ROWS = types.Array(types.uint8, 3, "C", readonly=True)
WORDS = types.Array(types.int64, 1, "C")
SETTINGS = types.Array(types.int64, 1, "C", readonly=True)
TABLE = types.Array(types.int64, 2, "C", readonly=True)
CUBE = types.Array(types.int64, 3, "C", readonly=True)
INT = types.int64

Signature = tuple[Any, ...]


def frame(arguments: Sequence[Any], signature: Signature) -> list[int]:
    """Arguments as `piece_of` reads them: a number as it is, an array as its address and shape.

    Raises
    ------
    TypeError
        If they are not of the signature's types.
    """
    words: list[int] = []
    for argument, kind in zip(arguments, signature, strict=True):
        if isinstance(kind, types.Array):
            fits = isinstance(argument, np.ndarray) and argument.flags.c_contiguous
            if not fits or (argument.ndim, argument.dtype.name) != (kind.ndim, kind.dtype.name):
                raise TypeError(f"{kind} is wanted, not {argument!r}")
            words += [argument.ctypes.data, *argument.shape]
        else:
            words.append(int(argument))
    return words


def piece_of(signature: Signature) -> Any:
    """A piece that calls the kernel at an address with arguments of these types from a frame."""

    def call(typing: Any, address: int, frame: int) -> Any:
        def generate(context: Any, builder: Any, signature_of_piece: Any, values: Any) -> Any:
            _emit(signature, context, builder, *values)
            return context.get_dummy_value()

        return types.void(types.int64, types.int64), generate

    return piece(call)


def _emit(signature: Signature, context: Any, builder: Any, address: Value, frame: Value) -> None:
    convention = context.call_conv
    kind = convention.get_function_type(types.none, signature)
    values, place = [], 0
    for argument in signature:
        if isinstance(argument, types.Array):
            words = [load(builder, frame, 8 * (place + i), I64) for i in range(1 + argument.ndim)]
            values.append(_array(argument, context, builder, words))
            place += len(words)
        else:
            values.append(load(builder, frame, 8 * place, I64))
            place += 1
    result = cgutils.alloca_once(builder, convention.get_return_type(types.none).pointee)
    error = cgutils.alloca_once(builder, kind.args[1].pointee)
    packed = list(convention._get_arg_packer(signature).as_arguments(builder, values))
    builder.call(builder.inttoptr(address, kind.as_pointer()), [result, error, *packed])


def _array(kind: Any, context: Any, builder: Any, words: list[Value]) -> Value:
    made = arrayobj.make_array(kind)(context, builder)
    data, *shape = words
    size = int(np.dtype(kind.dtype.name).itemsize)
    strides = []
    for axis in range(len(shape)):
        stride: Value = number(size)
        for length in shape[axis + 1 :]:
            stride = builder.mul(stride, length)
        strides.append(stride)
    pointer = builder.inttoptr(data, made.data.type)
    arrayobj.populate_array(made, pointer, shape, strides, number(size), None)
    return made._getvalue()


__all__ = ["frame", "piece_of"]
