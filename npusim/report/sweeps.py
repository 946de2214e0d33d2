"""A sweep's results, read from the folder it wrote."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from npusim.errors import InputError

RESULTS = "results.csv"

_POINT, _STATUS = "point", "status"
"""The first column, and the one behind the axes."""


@dataclass(frozen=True)
class SweepResults:
    """One row per point, as text.

    Attributes
    ----------
    name
        The folder's name.
    """

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def column(self, name: str) -> tuple[str, ...]:
        """One column's cells."""
        place = self.columns.index(name)
        return tuple(row[place] for row in self.rows)

    def varies(self, name: str) -> bool:
        """Whether it is a column with different cells; empty ones do not count."""
        return name in self.columns and len({cell for cell in self.column(name) if cell}) > 1

    def numeric(self, name: str) -> bool:
        """Whether all its cells but empty ones are numbers."""
        cells = [cell for cell in self.column(name) if cell]
        return bool(cells) and all(number(cell) is not None for cell in cells)

    @property
    def axes(self) -> tuple[str, ...]:
        """What points were told to differ in: network, datapath, recipe, and the sweep's own axes."""
        before = self.columns[: self.columns.index(_STATUS)] if _STATUS in self.columns else self.columns
        return tuple(name for name in before if name != _POINT)

    def numbers(self, name: str) -> tuple[float | None, ...]:
        """One column as numbers; None where a cell is none."""
        return tuple(number(cell) for cell in self.column(name))


def number(cell: str) -> float | None:
    """A finite number, or None."""
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if abs(value) < float("inf") else None


def load_sweep(folder: Path) -> SweepResults:
    """Read ``results.csv``.

    Raises
    ------
    InputError
        If there is none, or it is not a table.
    """
    path = folder / RESULTS
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            columns, *rows = [tuple(row) for row in csv.reader(stream)] or [()]
    except OSError as error:
        raise InputError(
            f"cannot be read: {error.strerror}", file=path, allowed="the folder that npusim sweep wrote"
        ) from None
    except (csv.Error, UnicodeDecodeError) as error:
        raise InputError(f"is not a table: {error}", file=path) from None
    if not columns or len(set(columns)) != len(columns):
        raise InputError("has no header of distinct names", file=path)
    if columns[0] != _POINT:
        raise InputError("is not a sweep's table", file=path, found=columns[0], allowed=f"{_POINT} first")
    for line, row in enumerate(rows, start=2):
        if len(row) != len(columns):
            raise InputError(
                "has another number of cells than the header",
                file=path,
                line=line,
                found=len(row),
                allowed=str(len(columns)),
            )
    return SweepResults(folder.resolve().name, columns, tuple(rows))
