"""A tile's sums to codes in memory, as in `emit.tile_codes`, with what they cause counted."""

from __future__ import annotations

from typing import Any

from numba import types

from npusim.kernels.emit.build import I64, Value, cgutils, load, number, piece
from npusim.kernels.emit.count import ARRANGED, Counts, MarkedEnds, Wanted
from npusim.kernels.emit.order import arranged_by
from npusim.kernels.emit.registers import LANES
from npusim.kernels.emit.rescale import Form
from npusim.kernels.emit.tile_codes import Rows, emit_rows, group_constants

_SIGNATURE = types.int64(*[types.int64] * 12)


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


@piece
def finish_counted(
    typing: Any,
    form: int,
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
    """Sums to bytes, in any `Form` but REAL, with their events added to counters.

    Its arguments: form; address of the sums, rows, vectors, and address of constants as `tile_codes` has
    them; addresses of codes, and of int64[rows], where each row's begin from there; how many codes of a row
    are written; addresses of the group's marks, of its lanes and of the counters, see `emit.count`; 1 if
    there are two shifts. Returns which kinds the tile may have caused, as bits, without those of rounding.
    """

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        chosen, *rest = values
        may = cgutils.alloca_once_value(builder, number(0))
        for known in sorted(set(Form) - {Form.REAL}):
            with builder.if_then(builder.icmp_signed("==", chosen, number(known))):
                builder.store(_emit(known, builder, rest), may)
        return builder.load(may, typ=I64)

    return _SIGNATURE, generate
