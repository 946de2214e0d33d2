"""Tiles from codes to codes: dot products as in `multiply`, rescaled where they are, in registers.

For the operands and the forms that are common on the instruction set; others go by `multiply` and
`tile_codes`, with the sums in memory between them.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from llvmlite import ir
from numba import types

from npusim.kernels.emit.build import I8, Value, cgutils, load, number, piece, store, switch
from npusim.kernels.emit.multiply import SHAPES, Operands, tile_sums
from npusim.kernels.emit.order import Order, arranged
from npusim.kernels.emit.registers import BYTES, COUNT, LANES, VECTOR, WIDE, pick, store_first
from npusim.kernels.emit.rescale import (
    CONSTANT_BYTES,
    Constants,
    Ends,
    Form,
    codes,
    rescaled,
)

OPERANDS = Operands.BYTES if WIDE else Operands.SHORTS
"""What tiles multiply."""

FORMS = Form.HALVES, Form.HIGH_SIGNED

TOGETHER = 4
"""Vectors of sums that make one of codes."""

_SIGNATURE = types.void(*[types.int64] * 15)


def sums_of(vectors: int, builder: Any, values: Any) -> list[list[Value]]:
    """A tile's sums, of a piece's arguments up to the constants."""
    *taken, flips, constants = values
    # Read as a vector: were it known to be one code again and again, LLVM would flip codes one by one
    # and broadcast them by the units that shift, where memory does it for nothing.
    flip = load(builder, flips, 0, LANES)
    return tile_sums(OPERANDS, vectors, builder, [*taken, flip, constants, number(CONSTANT_BYTES)])


def _emit(form: Form, vectors: int, builder: Any, values: Any) -> None:
    constants, ends, rows, out, stride, left = values[-6:]
    made = _codes(form, builder, sums_of(vectors, builder, values[:-5]), constants, ends)
    store_tile(builder, made, vectors, rows, out, stride, left)


def store_tile(
    builder: Any, made: list[Value], vectors: int, rows: Value, out: Value, stride: Value, left: Value
) -> None:
    """Write so many rows, so many codes of each."""
    full = builder.icmp_signed("==", rows, number(SHAPES[vectors]))
    whole = builder.and_(full, builder.icmp_signed(">=", left, number(COUNT * vectors)))
    with builder.if_else(whole) as (then, otherwise):
        with then:
            _store_all(builder, made, SHAPES[vectors], vectors, out, stride)
        with otherwise:
            _store_some(builder, made, vectors, rows, out, stride, left)


def _codes(form: Form, builder: Any, sums: list[list[Value]], constants: Value, ends: Value) -> list[Value]:
    """Vectors of codes, row after row; constants are loaded once for all rows."""
    vectors = len(sums[0])
    lanes: dict[tuple[int, int], Value] = {}
    for v in range(vectors):
        own = Constants(builder, builder.add(constants, number(CONSTANT_BYTES * v)), form)
        for row, values in enumerate(sums):
            lanes[row, v] = rescaled(builder, values[v], own, form)
    flat = [lanes[place] for place in sorted(lanes)]
    bounds = Ends(builder, ends, form)
    fours = [flat[first : first + TOGETHER] for first in range(0, len(flat), TOGETHER)]
    return [arranged(builder, codes(builder, four, bounds), Order.BY_VECTOR) for four in fours]


def _store_all(builder: Any, made: list[Value], rows: int, vectors: int, out: Value, stride: Value) -> None:
    for row in range(rows):
        place = builder.add(out, builder.mul(stride, number(row)))
        store(builder, _row(builder, made, row, vectors), place, 0)


def _row(builder: Any, made: list[Value], row: int, vectors: int) -> Value:
    """The codes of one row."""
    place, size = divmod(row * vectors, TOGETHER), COUNT * vectors
    own = made[place[0]]
    first = place[1] * COUNT
    return own if size == VECTOR else pick(builder, own, own, list(range(first, first + size)))


def _store_some(
    builder: Any, made: list[Value], vectors: int, rows: Value, out: Value, stride: Value, left: Value
) -> None:
    """Some rows, or some codes of each, by way of the stack: little code for what is rare."""
    with builder.goto_entry_block():  # unlike numba's own word, this one writes no zeros at every entry
        stack = builder.alloca(ir.ArrayType(BYTES, len(made)))
    memory, size = builder.ptrtoint(stack, ir.IntType(64)), COUNT * vectors
    for place, value in enumerate(made):
        store(builder, value, memory, VECTOR * place)
    with cgutils.for_range(builder, rows) as row:
        own = load(builder, memory, builder.mul(row.index, number(size)), ir.VectorType(I8, size))
        store_first(builder, own, builder.add(out, builder.mul(row.index, stride)), left)


@piece
def tile_once(
    typing: Any,
    form: int,
    vectors: int,
    x: int,
    offsets: int,
    weights: int,
    segments: int,
    count: int,
    steps: int,
    flips: int,
    constants: int,
    ends: int,
    rows: int,
    out: int,
    stride: int,
    left: int,
) -> Any:
    """A tile of so many vectors, in one of `FORMS`.

    Its arguments: form and vectors; those of `multiply` up to the steps; addresses of a vector of
    flips, of the first vector's constants, and of the rescale's `Ends`; how many rows are written, address
    of the first row's codes, bytes from row to row, how many codes of a row are written.
    """

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        chosen, rest = values[:2], values[2:]
        cases = (((form, own), partial(_emit, form, own, builder, rest)) for form in FORMS for own in SHAPES)
        switch(builder, chosen, cases)
        return context.get_dummy_value()

    return _SIGNATURE, generate
