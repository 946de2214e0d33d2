"""A tile's sums to codes in memory, as in `emit.tile_codes`, with what they cause counted."""

from __future__ import annotations

from typing import Any

from numba import types

from npusim.kernels.emit.build import I64, Value, load, number, piece
from npusim.kernels.emit.count import ARRANGED, Counts, MarkedEnds, Wanted
from npusim.kernels.emit.order import arranged_by
from npusim.kernels.emit.registers import LANES
from npusim.kernels.emit.rescale import Form
from npusim.kernels.emit.tile_codes import Rows, emit_rows, group_constants

_SIGNATURE = types.int64(*[types.int64] * 11)


class _Scattered(Rows):
    """Rows that go anywhere: `starts` is the address of int64 offsets."""

    def place(self, builder: Any, row: Value) -> Value:
        start = load(builder, self._stride, builder.mul(row, number(8)), I64)
        return builder.add(self._out, start)


def _emit(form: Form, builder: Any, values: Any) -> Value:
    sums, rows, vectors, constants, out, starts, count, marks, lanes, counters, twice = values
    own, ends = group_constants(builder, constants, form), MarkedEnds(builder, marks, form)
    counts = Counts(builder, form, marks, Wanted(builder, rows, vectors, lanes), counters, twice)

    def arrange(narrowed: Value) -> Value:
        return arranged_by(builder, narrowed, ends.row(ARRANGED, LANES))

    target = _Scattered(rows, vectors, out, starts)
    emit_rows(builder, form, sums, target, own, ends, count, arrange, counts.look)
    return counts.close()


def _piece(form: Form) -> tuple[Any, Any]:
    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return _emit(form, builder, values)

    return _SIGNATURE, generate


@piece
def counted_high(
    typing: Any,
    sums: int,
    rows: int,
    vectors: int,
    constants: int,
    out: int,
    starts: int,
    count: int,
    marks: int,
    lanes: int,
    counters: int,
    twice: int,
) -> Any:
    """Sums to bytes, `Form.HIGH`, with their events added to counters.

    Its arguments: address of the sums, rows, vectors, and address of constants as `codes_high` has them;
    addresses of codes, and of int64[rows], where each row's begin from there; how many codes of a row are
    written; addresses of the group's marks, of its lanes and of the counters, see `emit.count`; 1 if there
    are two shifts. Returns which kinds the tile may have caused, as bits, without those of rounding.
    """
    return _piece(Form.HIGH)


@piece
def counted_high_signed(
    typing: Any,
    sums: int,
    rows: int,
    vectors: int,
    constants: int,
    out: int,
    starts: int,
    count: int,
    marks: int,
    lanes: int,
    counters: int,
    twice: int,
) -> Any:
    """As `counted_high`, `Form.HIGH_SIGNED`."""
    return _piece(Form.HIGH_SIGNED)


@piece
def counted_wide_signed(
    typing: Any,
    sums: int,
    rows: int,
    vectors: int,
    constants: int,
    out: int,
    starts: int,
    count: int,
    marks: int,
    lanes: int,
    counters: int,
    twice: int,
) -> Any:
    """As `counted_high`, `Form.WIDE_SIGNED`."""
    return _piece(Form.WIDE_SIGNED)


@piece
def counted_wide_last(
    typing: Any,
    sums: int,
    rows: int,
    vectors: int,
    constants: int,
    out: int,
    starts: int,
    count: int,
    marks: int,
    lanes: int,
    counters: int,
    twice: int,
) -> Any:
    """As `counted_high`, `Form.WIDE_LAST`."""
    return _piece(Form.WIDE_LAST)


@piece
def counted_halves(
    typing: Any,
    sums: int,
    rows: int,
    vectors: int,
    constants: int,
    out: int,
    starts: int,
    count: int,
    marks: int,
    lanes: int,
    counters: int,
    twice: int,
) -> Any:
    """As `counted_high`, `Form.HALVES`."""
    return _piece(Form.HALVES)
