"""Back from the order that narrowing within 128-bit parts leaves codes in."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from npusim.kernels.emit.build import Value
from npusim.kernels.emit.registers import BYTES, COUNT, LANES, PARTS, permute, pick


class Order(IntEnum):
    """What four vectors of sums hold, and so what becomes of their codes."""

    BY_VECTOR = 0
    """One after the other."""
    BY_HALVES = 1
    """Two after the other, interleaved within parts."""
    DONE = 2
    """Four, interleaved within parts: narrowing undoes it."""


PLACES = {
    Order.BY_VECTOR: [4 * part + vector for vector in range(4) for part in range(PARTS)],
    Order.BY_HALVES: [4 * part + 2 * half + i for half in (0, 1) for part in range(PARTS) for i in (0, 1)],
    Order.DONE: list(range(COUNT)),
}
"""Which four codes come where."""


def arranged(builder: Any, narrowed: Value, order: Order) -> Value:
    """Narrowed codes in their own order."""
    lanes = builder.bitcast(narrowed, LANES)
    return builder.bitcast(pick(builder, lanes, lanes, PLACES[order]), BYTES)


def arranged_by(builder: Any, narrowed: Value, index: Value) -> Value:
    """As `arranged`, by an order's places : int32[COUNT]."""
    return builder.bitcast(permute(builder, builder.bitcast(narrowed, LANES), index), BYTES)
