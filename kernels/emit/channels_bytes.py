"""The pieces of `emit.channels` on bytes."""

from __future__ import annotations

from typing import Any

from npusim.kernels.emit.build import piece
from npusim.kernels.emit.channels import channels_piece
from npusim.kernels.emit.multiply import Operands
from npusim.kernels.emit.rescale import Form


@piece
def channels_bytes_high(
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
    """Bytes, `Form.HIGH`.

    Its arguments: addresses of both stretches' codes (unsigned bytes), of int64 byte offsets of the taps;
    groups of taps; addresses of the weights (``[group][row][vector][COUNT][taps]``) and of four vectors'
    constants, and of `Ends`; addresses of both stretches' codes in the upper row, bytes from there to
    the lower row; how many codes of each are written; 1 if the lower row is; where the sums are kept,
    ``[stretch][row][vector][COUNT]``, or 0.
    """
    return channels_piece(Operands.BYTES, Form.HIGH)


@piece
def channels_bytes_high_signed(
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
    """Bytes, `Form.HIGH_SIGNED`."""
    return channels_piece(Operands.BYTES, Form.HIGH_SIGNED)


@piece
def channels_bytes_wide_signed(
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
    """Bytes, `Form.WIDE_SIGNED`."""
    return channels_piece(Operands.BYTES, Form.WIDE_SIGNED)


@piece
def channels_bytes_wide_last(
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
    """Bytes, `Form.WIDE_LAST`."""
    return channels_piece(Operands.BYTES, Form.WIDE_LAST)


@piece
def channels_bytes_halves(
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
    """Bytes, `Form.HALVES`."""
    return channels_piece(Operands.BYTES, Form.HALVES)
