"""The pieces of `emit.channels` on int16."""

from __future__ import annotations

from typing import Any

from npusim.kernels.emit.build import piece
from npusim.kernels.emit.channels import channels_piece
from npusim.kernels.emit.multiply import Operands
from npusim.kernels.emit.rescale import Form


@piece
def channels_shorts_high(
    typing: Any,
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
    other_count: int,
    both: int,
    kept: int,
) -> Any:
    """int16, `Form.HIGH`; its arguments are those of `channels_bytes_high`."""
    return channels_piece(Operands.SHORTS, Form.HIGH)


@piece
def channels_shorts_high_signed(
    typing: Any,
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
    other_count: int,
    both: int,
    kept: int,
) -> Any:
    """int16, `Form.HIGH_SIGNED`."""
    return channels_piece(Operands.SHORTS, Form.HIGH_SIGNED)


@piece
def channels_shorts_wide_signed(
    typing: Any,
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
    other_count: int,
    both: int,
    kept: int,
) -> Any:
    """int16, `Form.WIDE_SIGNED`."""
    return channels_piece(Operands.SHORTS, Form.WIDE_SIGNED)


@piece
def channels_shorts_wide_last(
    typing: Any,
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
    other_count: int,
    both: int,
    kept: int,
) -> Any:
    """int16, `Form.WIDE_LAST`."""
    return channels_piece(Operands.SHORTS, Form.WIDE_LAST)
