"""The Pareto front: points that no other point beats in quality without costing more."""

from __future__ import annotations

from collections.abc import Sequence

from npusim.sweep.table import Cell, Row


def front(rows: Sequence[Row], quality: str, cost: str) -> list[bool]:
    """Which rows are on the front of their network.

    A row is off it if another row of the same network costs no more and is better, or is as good and
    costs less. Rows without numbers are off it.

    Examples
    --------
    >>> found = ((0.9, 16), (0.9, 32), (0.5, 16), (0.95, 32))
    >>> front([{"network": "n", "top1": share, "bits": bits} for share, bits in found], "top1", "bits")
    [True, False, False, True]
    """
    points = [_point(row, quality, cost) for row in rows]
    return [
        point is not None
        and not any(
            other is not None and row["network"] == rival["network"] and _beats(other, point)
            for rival, other in zip(rows, points, strict=True)
        )
        for row, point in zip(rows, points, strict=True)
    ]


def _point(row: Row, quality: str, cost: str) -> tuple[float, float] | None:
    cells = row.get(quality), row.get(cost)
    if row.get("status", "ok") != "ok" or not all(map(is_number, cells)):
        return None
    return float(cells[0] or 0), float(cells[1] or 0)


def is_number(cell: Cell) -> bool:
    """Whether a cell can be weighed."""
    return isinstance(cell, (int, float)) and not isinstance(cell, bool)


def _beats(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return one[0] >= other[0] and one[1] <= other[1] and one != other
