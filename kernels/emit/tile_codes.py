"""A tile's sums to codes in memory, four vectors at a time: of one row, or of as many as four make up."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types

from npusim.kernels.emit.build import I8, Value, cgutils, load, number, piece
from npusim.kernels.emit.registers import COUNT, LANES, VECTOR, pick, store_first
from npusim.kernels.emit.rescale import CONSTANT_BYTES, Constants, Ends, Form, by_vector, codes, rescaled

_SIGNATURE = types.void(*[types.int64] * 8)


class _Rows:
    """Where the rows of a tile go."""

    def __init__(self, builder: Any, rows: Value, vectors: Value, out: Value, stride: Value, count: Value):
        self.rows, self.vectors, self.out, self.stride, self.count = rows, vectors, out, stride, count
        whole = builder.mul(vectors, number(COUNT))
        self.length = builder.select(builder.icmp_signed("<", count, whole), count, whole)

    def store(self, builder: Any, made: Value, row: Value) -> None:
        """The codes of four vectors, of which the first is that of a row."""
        for together in (1, 2, 4):
            with builder.if_then(builder.icmp_signed("==", self.vectors, number(4 // together))):
                for part in range(together):
                    self._store_row(builder, made, builder.add(row, number(part)), part, together)

    def _store_row(self, builder: Any, made: Value, row: Value, part: int, together: int) -> None:
        size = VECTOR // together
        kind = ir.VectorType(I8, size)
        places = list(range(part * size, (part + 1) * size))
        own = pick(builder, made, made, places) if together > 1 else made
        assert own.type == kind
        place = builder.add(self.out, builder.mul(row, self.stride))
        with builder.if_then(builder.icmp_signed("<", row, self.rows)):
            store_first(builder, own, place, self.length)


def _emit(form: Form, builder: Any, values: Any) -> None:
    sums, rows, vectors, constants, ends, out, stride, count = values
    bounds = Ends(builder, ends, form)
    target = _Rows(builder, rows, vectors, out, stride, count)
    own = []
    for v in range(4):
        vector = builder.and_(number(v), builder.sub(vectors, number(1)))
        address = builder.add(constants, builder.mul(vector, number(CONSTANT_BYTES)))
        own.append(Constants(builder, address, form))
    # Four vectors are one row of four, two rows of two, four rows of one: 4 / vectors, without division.
    step = builder.lshr(number(4), builder.lshr(vectors, number(1)))
    with cgutils.for_range_slice(builder, number(0), rows, step) as (row, _):
        first = builder.add(sums, builder.mul(builder.mul(row, vectors), number(VECTOR)))
        loaded = [load(builder, first, VECTOR * v, LANES) for v in range(4)]
        made = [rescaled(builder, value, each, form) for value, each in zip(loaded, own, strict=True)]
        target.store(builder, by_vector(builder, codes(builder, made, bounds)), row)


def _piece(form: Form) -> tuple[Any, Any]:
    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        _emit(form, builder, values)
        return context.get_dummy_value()

    return _SIGNATURE, generate


@piece
def codes_high(
    typing: Any,
    sums: int,
    rows: int,
    vectors: int,
    constants: int,
    ends: int,
    out: int,
    stride: int,
    count: int,
) -> Any:
    """Sums to bytes, `Form.HIGH`.

    Its arguments: address of the sums, ``[row][vector][COUNT]``, of which four vectors behind the last
    row may be read; rows; vectors of a row, one, two or four; addresses of their constants and of `Ends`;
    address of the first row's codes, bytes from row to row, how many codes of a row are written.
    """
    return _piece(Form.HIGH)


@piece
def codes_high_signed(
    typing: Any,
    sums: int,
    rows: int,
    vectors: int,
    constants: int,
    ends: int,
    out: int,
    stride: int,
    count: int,
) -> Any:
    """As `codes_high`, `Form.HIGH_SIGNED`."""
    return _piece(Form.HIGH_SIGNED)


@piece
def codes_wide_signed(
    typing: Any,
    sums: int,
    rows: int,
    vectors: int,
    constants: int,
    ends: int,
    out: int,
    stride: int,
    count: int,
) -> Any:
    """As `codes_high`, `Form.WIDE_SIGNED`."""
    return _piece(Form.WIDE_SIGNED)


@piece
def codes_wide_last(
    typing: Any,
    sums: int,
    rows: int,
    vectors: int,
    constants: int,
    ends: int,
    out: int,
    stride: int,
    count: int,
) -> Any:
    """As `codes_high`, `Form.WIDE_LAST`."""
    return _piece(Form.WIDE_LAST)
