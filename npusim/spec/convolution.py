"""W2, A6: one output of a convolution, transposed or depthwise, or of a dense step."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from npusim.spec.expansion import accumulate_onto
from npusim.spec.loop_nest import Product, TransposedWindow, Window
from npusim.spec.mac import Accumulation, Column, accumulate


class ZeroPoint(StrEnum):
    """Where the activation's zero point is taken off."""

    FOLDED = "folded"
    """In the bias: the MAC sees raw codes, padding carries the zero point's code."""
    SUBTRACT = "subtract"
    """At the MAC: ``x - x_zero``; padding contributes nothing."""


@dataclass(frozen=True)
class Operands:
    """What a MAC column reads for one output pixel and channel.

    Parameters
    ----------
    activation
        ``activation(row, column, channel)``: the input code; asked only inside the input.
    weight
        ``weight(ky, kx, channel)``: the weight code of this output channel.
    rows, columns
        The input's size.
    first_channel
        The input channel that channel 0 of this output channel's group reads.
    """

    activation: Callable[[int, int, int], int]
    weight: Callable[[int, int, int], int]
    rows: int
    columns: int
    first_channel: int = 0
    x_zero: int = 0
    weight_zero: int = 0
    zero_point: ZeroPoint = ZeroPoint.FOLDED


def output(
    operands: Operands,
    window: Window | TransposedWindow,
    beats: Iterable[tuple[Product, ...]],
    pixel: tuple[int, int],
    bias: int,
    column: Column,
    held: tuple[int, int] | None = None,
) -> Accumulation:
    """The accumulator of one output pixel and channel.

    `held` is the partial sum it goes on from, and by how much that is shifted left first (A7).
    A folded zero point is folded over the products that occur: the pixels of a transposed convolution
    that skip different products have biases of their own.
    """

    def pair(place: Product) -> tuple[int, int]:
        ky, kx, channel = place
        y, x = window.at(*pixel, ky, kx)
        inside = 0 <= y < operands.rows and 0 <= x < operands.columns
        code = operands.activation(y, x, operands.first_channel + channel) if inside else operands.x_zero
        taken_off = operands.x_zero if operands.zero_point is ZeroPoint.SUBTRACT else 0
        return code - taken_off, operands.weight(ky, kx, channel) - operands.weight_zero

    pairs = ([pair(place) for place in beat] for beat in beats)
    return accumulate(pairs, bias, column) if held is None else accumulate_onto(pairs, *held, bias, column)
