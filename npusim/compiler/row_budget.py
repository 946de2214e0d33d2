"""Which rows of which orders a budget of bit-operations buys (REx's group sparsity; algorithms.md 5.4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Offer:
    """What the residual orders of one layer would take away, and what they cost.

    Attributes
    ----------
    gains : float64[orders, rows]
        How much noise each order takes off each row.
    cost
        Bit-operations of one row of one order, an image.
    """

    gains: Vector
    cost: float


def choose_rows(
    offers: Mapping[str, Offer], budget: float | None
) -> tuple[dict[str, list[npt.NDArray[np.int64]]], float]:
    """By layer the rows of each order, ascending, and what all of them cost.

    Rows are bought by noise taken off per bit-operation, the best first, until the next one would
    exceed the budget: a larger budget buys all that a smaller one does. A row has an order only if it
    has those before it.

    Parameters
    ----------
    budget
        Bit-operations; None: all rows.
    """
    entries = [entry for name in sorted(offers) for entry in _entries(name, offers[name])]
    chosen: dict[str, list[list[int]]] = {
        name: [[] for _ in range(len(offer.gains))] for name, offer in offers.items()
    }
    spent = 0.0
    for _, name, order, row in sorted(entries, key=lambda entry: (-entry[0], entry[1:])):
        cost = offers[name].cost
        if budget is not None and spent + cost > budget:
            break
        spent += cost
        chosen[name][order].append(row)
    return {name: [_ascending(rows) for rows in orders] for name, orders in chosen.items()}, spent


def _entries(name: str, offer: Offer) -> list[tuple[float, str, int, int]]:
    """(noise per bit-operation, layer, order, row); never more than the order before it."""
    worth = np.minimum.accumulate(offer.gains / offer.cost, axis=0)
    orders, rows = worth.shape
    return [(float(worth[k, row]), name, k, row) for k in range(orders) for row in range(rows)]


def _ascending(rows: Sequence[int]) -> npt.NDArray[np.int64]:
    return np.array(sorted(rows), np.int64)
