"""A tile's sums to codes with their events: the piece for each form of rescale."""

from __future__ import annotations

from typing import Any

from npusim.kernels.emit.rescale import Form
from npusim.kernels.emit.tile_counted import (
    counted_halves,
    counted_high,
    counted_high_signed,
    counted_wide_last,
    counted_wide_signed,
)
from npusim.kernels.jit import part

_HALVES, _HIGH, _HIGH_SIGNED, _WIDE_SIGNED = (
    int(form) for form in (Form.HALVES, Form.HIGH, Form.HIGH_SIGNED, Form.WIDE_SIGNED)
)


@part
def finish_counted(
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
    """See `emit.tile_counted`."""
    if form == _HALVES:
        return counted_halves(
            sums, rows, vectors, constants, out, starts, count, marks, lanes, counters, twice
        )
    if form == _HIGH:
        return counted_high(sums, rows, vectors, constants, out, starts, count, marks, lanes, counters, twice)
    if form == _HIGH_SIGNED:
        return counted_high_signed(
            sums, rows, vectors, constants, out, starts, count, marks, lanes, counters, twice
        )
    if form == _WIDE_SIGNED:
        return counted_wide_signed(
            sums, rows, vectors, constants, out, starts, count, marks, lanes, counters, twice
        )
    return counted_wide_last(
        sums, rows, vectors, constants, out, starts, count, marks, lanes, counters, twice
    )
