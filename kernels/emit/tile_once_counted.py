"""As `emit.tile_once`, with what the sums cause counted: a piece of its own, for a kernel of its own.

In one kernel the code that counts would take registers from the code that does not.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from numba import types

from npusim.kernels.emit.build import I64, Value, cgutils, number, piece, switch
from npusim.kernels.emit.count_once import WAYS, Addresses, OnceCounts, Way, counted_codes
from npusim.kernels.emit.multiply import SHAPES
from npusim.kernels.emit.order import Order
from npusim.kernels.emit.registers import apart
from npusim.kernels.emit.rescale import Ends, Form
from npusim.kernels.emit.tile_once import FORMS, store_tile, sums_of

_SIGNATURE = types.int64(*[types.int64] * 19)


def _emit(form: Form, vectors: int, builder: Any, values: Any, may: Value) -> None:
    sums, chosen = sums_of(vectors, builder, values[:-9]), values[-1:]

    def count(way: Way) -> None:
        own = [[apart(builder, value) for value in row] for row in sums]
        builder.store(_counted(form, way, builder, own, values[-10:-1]), may)

    switch(builder, chosen, (((way,), partial(count, way)) for way in WAYS[form]))


def _counted(form: Form, way: Way, builder: Any, sums: list[list[Value]], values: Any) -> Value:
    constants, ends, out, stride, left, *told = values
    vectors = len(sums[0])
    counts = OnceCounts(builder, form, sums, constants, Addresses(*told), way)
    made = counted_codes(builder, counts, Ends(builder, ends, form), Order.BY_VECTOR)
    # Before the branches that write codes: LLVM would move all that counts behind them, and keep a tile's
    # lost bits in memory until there.
    may = counts.close()
    store_tile(builder, made, vectors, number(len(sums)), out, stride, left)
    return may


@piece
def tile_once_counted(
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
    out: int,
    stride: int,
    left: int,
    signs: int,
    marks: int,
    lanes: int,
    counters: int,
    way: int,
) -> Any:
    """A tile of so many vectors and of all rows, in one of `FORMS`.

    Its arguments: those of `tile_once`, without a number of rows; `Addresses`; one of the form's `WAYS`.
    Returns which kinds the tile may have caused, as bits, without those of rounding.
    """

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        chosen, rest = values[:2], values[2:]
        may = cgutils.alloca_once_value(builder, number(0))
        cases = (
            ((form, own), partial(_emit, form, own, builder, rest, may)) for form in FORMS for own in SHAPES
        )
        switch(builder, chosen, cases)
        return builder.load(may, typ=I64)

    return _SIGNATURE, generate
