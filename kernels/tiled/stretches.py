"""Depthwise stretches up to their codes, or their sums: the piece for operands and rescale."""

from __future__ import annotations

from npusim.kernels.emit.channels_bytes import (
    channels_bytes_halves,
    channels_bytes_high,
    channels_bytes_high_signed,
    channels_bytes_wide_last,
    channels_bytes_wide_signed,
)
from npusim.kernels.emit.channels_shorts import (
    channels_shorts_high,
    channels_shorts_high_signed,
    channels_shorts_wide_last,
    channels_shorts_wide_signed,
)
from npusim.kernels.emit.rescale import Form
from npusim.kernels.jit import part

_HIGH, _HIGH_SIGNED, _WIDE_SIGNED, _HALVES = map(
    int, (Form.HIGH, Form.HIGH_SIGNED, Form.WIDE_SIGNED, Form.HALVES)
)


@part
def stretches_of(
    shorts: int,
    form: int,
    x0: int,
    x1: int,
    taps: int,
    groups: int,
    matrix: int,
    own: int,
    ends: int,
    y0: int,
    y1: int,
    below: int,
    left: int,
    right: int,
    both: int,
    kept: int,
) -> None:
    """See `emit.channels_bytes`; `shorts` is 1 for int16."""
    if shorts == 1:
        if form == _HIGH:
            channels_shorts_high(
                x0, x1, taps, groups, matrix, own, ends, y0, y1, below, left, right, both, kept
            )
        elif form == _HIGH_SIGNED:
            channels_shorts_high_signed(
                x0, x1, taps, groups, matrix, own, ends, y0, y1, below, left, right, both, kept
            )
        elif form == _WIDE_SIGNED:
            channels_shorts_wide_signed(
                x0, x1, taps, groups, matrix, own, ends, y0, y1, below, left, right, both, kept
            )
        else:
            channels_shorts_wide_last(
                x0, x1, taps, groups, matrix, own, ends, y0, y1, below, left, right, both, kept
            )
    elif form == _HALVES:
        channels_bytes_halves(x0, x1, taps, groups, matrix, own, ends, y0, y1, below, left, right, both, kept)
    elif form == _HIGH:
        channels_bytes_high(x0, x1, taps, groups, matrix, own, ends, y0, y1, below, left, right, both, kept)
    elif form == _HIGH_SIGNED:
        channels_bytes_high_signed(
            x0, x1, taps, groups, matrix, own, ends, y0, y1, below, left, right, both, kept
        )
    elif form == _WIDE_SIGNED:
        channels_bytes_wide_signed(
            x0, x1, taps, groups, matrix, own, ends, y0, y1, below, left, right, both, kept
        )
    else:
        channels_bytes_wide_last(
            x0, x1, taps, groups, matrix, own, ends, y0, y1, below, left, right, both, kept
        )
