"""A tile's sums to codes in memory, four vectors at a time: of one row, or of as many as four make up."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from llvmlite import ir
from numba import types

from npusim.kernels.emit.build import I8, Value, cgutils, load, number, piece, switch
from npusim.kernels.emit.order import Order, arranged
from npusim.kernels.emit.registers import COUNT, LANES, VECTOR, pick, store_first
from npusim.kernels.emit.rescale import (
    CONSTANT_BYTES,
    Constants,
    Ends,
    Form,
    clamped,
    multiplied,
    rounded,
    shorts,
)

FORMS = Form.HIGH, Form.HIGH_SIGNED, Form.WIDE_SIGNED, Form.WIDE_LAST, Form.REAL

_SIGNATURE = types.void(*[types.int64] * 9)


class Rows:
    """Where the rows of a tile go: `stride` bytes apart."""

    def __init__(self, rows: Value, vectors: Value, out: Value, stride: Value) -> None:
        self.rows, self.vectors, self._out, self._stride = rows, vectors, out, stride

    def place(self, builder: Any, row: Value) -> Value:
        """The address of a row's codes."""
        return builder.add(self._out, builder.mul(row, self._stride))


class _Target:
    """Four vectors' codes to memory, in rows."""

    def __init__(self, builder: Any, rows: Rows, count: Value) -> None:
        self._rows = rows
        whole = builder.mul(rows.vectors, number(COUNT))
        self._length = builder.select(builder.icmp_signed("<", count, whole), count, whole)

    def store(self, builder: Any, made: Value, row: Value) -> None:
        """The codes of four vectors, of which the first is that of a row."""
        for together in (1, 2, 4):
            with builder.if_then(builder.icmp_signed("==", self._rows.vectors, number(4 // together))):
                for part in range(together):
                    self._store_row(builder, made, builder.add(row, number(part)), part, together)

    def _store_row(self, builder: Any, made: Value, row: Value, part: int, together: int) -> None:
        size = VECTOR // together
        kind = ir.VectorType(I8, size)
        places = list(range(part * size, (part + 1) * size))
        own = pick(builder, made, made, places) if together > 1 else made
        assert own.type == kind
        with builder.if_then(builder.icmp_signed("<", row, self._rows.rows)):
            store_first(builder, own, self._rows.place(builder, row), self._length)


Look = Callable[[list[Value], list[list[Value]], list[Value], Value], None]
"""What is shown four vectors at a time: sums, what `multiplied` and `shorts` made of them; how many rows are
left, from these on."""


def group_constants(builder: Any, constants: Value, form: Form) -> list[Constants]:
    """Those of four vectors."""
    places = [builder.add(constants, number(CONSTANT_BYTES * v)) for v in range(4)]
    return [Constants(builder, place, form) for place in places]


def emit_rows(
    builder: Any,
    form: Form,
    sums: Value,
    rows: Rows,
    own: list[Constants],
    bounds: Any,
    count: Value,
    arrange: Callable[[Value], Value],
    look: Look | None = None,
) -> None:
    """The loop over rows; `arrange` puts narrowed codes in order."""
    target = _Target(builder, rows, count)
    # Four vectors are one row of three or four, two rows of two, four rows of one.
    step = number(1)
    for vectors, together in ((2, 2), (1, 4)):
        few = builder.icmp_signed("==", rows.vectors, number(vectors))
        step = builder.select(few, number(together), step)
    with cgutils.for_range_slice(builder, number(0), rows.rows, step) as (row, _):
        first = builder.add(sums, builder.mul(builder.mul(row, rows.vectors), number(VECTOR)))
        loaded = [load(builder, first, VECTOR * v, LANES) for v in range(4)]
        each = list(zip(loaded, own, strict=True))
        products = [multiplied(builder, value, constants, form) for value, constants in each]
        made = [
            rounded(builder, value, product, constants, form)
            for product, (value, constants) in zip(products, each, strict=True)
        ]
        halves = shorts(builder, made, bounds)
        target.store(builder, arrange(clamped(builder, halves, bounds)), row)
        if look is not None:
            look(loaded, products, halves, builder.sub(rows.rows, row))


def _emit(form: Form, builder: Any, values: Any) -> None:
    sums, rows, vectors, constants, ends, out, stride, count = values
    bounds = Ends(builder, ends, form)
    own = group_constants(builder, constants, form)

    def arrange(narrowed: Value) -> Value:
        return arranged(builder, narrowed, Order.BY_VECTOR)

    emit_rows(builder, form, sums, Rows(rows, vectors, out, stride), own, bounds, count, arrange)


@piece
def tile_codes(
    typing: Any,
    form: int,
    sums: int,
    rows: int,
    vectors: int,
    constants: int,
    ends: int,
    out: int,
    stride: int,
    count: int,
) -> Any:
    """Sums to bytes, in one of `FORMS`.

    Its arguments: the form; address of the sums, ``[row][vector][COUNT]``, of which four vectors behind the
    last row may be read; rows; vectors of a row, one, two or four; addresses of their constants and of
    `Ends`; address of the first row's codes, bytes from row to row, how many codes of a row are written.
    """

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        chosen, rest = values[:1], values[1:]
        switch(builder, chosen, (((own,), partial(_emit, own, builder, rest)) for own in FORMS))
        return context.get_dummy_value()

    return _SIGNATURE, generate
