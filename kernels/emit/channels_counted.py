"""As `emit.channels`, with what the sums cause counted; or just their sums, for whoever counts them."""

from __future__ import annotations

from functools import partial
from typing import Any

from numba import types

from npusim.kernels.emit.build import I32, I64, Value, cgutils, load, number, piece, store, switch
from npusim.kernels.emit.channels import (
    KINDS,
    NARROWED,
    ROW_PAIR,
    TOGETHER,
    VECTORS,
    channel_sums,
)
from npusim.kernels.emit.count import BITS, FLAGS, SINGLE
from npusim.kernels.emit.count_once import WAYS, Addresses, OnceCounts, Way, counted_codes
from npusim.kernels.emit.multiply import Operands
from npusim.kernels.emit.registers import COUNT, VECTOR, WIDE, apart, store_first
from npusim.kernels.emit.rescale import Ends, Form
from npusim.kernels.emit.tile_once import OPERANDS

FORMS = (Form.HALVES, Form.HIGH_SIGNED) if WIDE else (Form.HIGH_SIGNED,)
"""What is counted in registers, of `OPERANDS`."""

_SUMS_SIGNATURE = types.void(*[types.int64] * 8)
_SIGNATURE = types.int64(*[types.int64] * 19)


def _keep(operands: Operands, builder: Any, values: Any) -> None:
    for index, own in enumerate(channel_sums(operands, builder, values[:-1])):
        for v, value in enumerate(own):
            store(builder, value, values[-1], VECTOR * (index * VECTORS + v))


def _emit(form: Form, builder: Any, values: Any, may: Value) -> None:
    sums, chosen = channel_sums(OPERANDS, builder, values[:6]), values[-1:]

    def count(way: Way) -> None:
        own = [[apart(builder, value) for value in row] for row in sums]
        builder.store(_counted(form, way, builder, own, values[5:-1]), may)

    switch(builder, chosen, (((way,), partial(count, way)) for way in WAYS[form]))


def _counted(form: Form, way: Way, builder: Any, sums: list[list[Value]], values: Any) -> Value:
    constants, ends, out, other, below, count, both, doublings, *addresses = values
    told = Addresses(*addresses)
    single = load(builder, told.lanes, 8 * SINGLE, I64)
    bits = [builder.trunc(builder.lshr(single, number(COUNT * v)), BITS) for v in range(VECTORS)]
    alive = [builder.bitcast(each, FLAGS) for each in bits]
    counts = OnceCounts(builder, form, sums, constants, told, way, alive)
    made = counted_codes(builder, counts, Ends(builder, ends, form), NARROWED[OPERANDS])
    may = counts.close(builder.trunc(doublings, I32))
    for index, own in enumerate(made):
        place, length = [out, other][:TOGETHER][index // ROW_PAIR], count
        if index % ROW_PAIR:
            place, length = builder.add(place, below), builder.mul(count, both)
        store_first(builder, own, place, length)
    return may


@piece
def keep_sums(
    typing: Any,
    shorts: int,
    first: int,
    second: int,
    taps: int,
    groups: int,
    weights: int,
    constants: int,
    kept: int,
) -> Any:
    """The sums that `channels` makes, in memory.

    Its arguments: those of `channels` up to the constants, without the form; address of the sums,
    ``[stretch][row][vector][COUNT]``.
    """

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        rest = values[1:]
        cases = (((kind,), partial(_keep, operands, builder, rest)) for kind, operands in KINDS.items())
        switch(builder, values[:1], cases)
        return context.get_dummy_value()

    return _SUMS_SIGNATURE, generate


@piece
def channels_counted(
    typing: Any,
    form: int,
    first: int,
    second: int,
    taps: int,
    groups: int,
    weights: int,
    constants: int,
    ends: int,
    out: int,
    other: int,
    below: int,
    count: int,
    both: int,
    doublings: int,
    signs: int,
    marks: int,
    lanes: int,
    counters: int,
    way: int,
) -> Any:
    """Two stretches of both rows, of `OPERANDS` in one of `FORMS`, which all have the lanes that signs say.

    Its arguments: those of `channels` up to `below`, without what is multiplied; how many codes of each are
    written, 1 if the lower row is; one for a second stretch that is the first one again, and one for such a
    lower row; `Addresses`; one of the form's `WAYS`. Returns which kinds may have been caused, as bits,
    without those of rounding.
    """

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        chosen, rest = values[:1], values[1:]
        may = cgutils.alloca_once_value(builder, number(0))
        switch(builder, chosen, (((own,), partial(_emit, own, builder, rest, may)) for own in FORMS))
        return builder.load(may, typ=I64)

    return _SIGNATURE, generate
