"""A sweep's table: one row per point, as CSV and HDF5; timings in a file of their own."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from npusim.files.atomic import write_text
from npusim.files.hdf5_file import write_arrays
from npusim.sweep.columns import LEADING, MEASURED, NUMBERS, OUTCOME, TRAILING
from npusim.sweep.outcome import Outcome

Cell = int | float | str | bool | None
Row = Mapping[str, Cell]

CSV_NAME = "results.csv"
HDF5_NAME = "results.h5"
TIMINGS_NAME = "timings.csv"


@dataclass(frozen=True)
class Table:
    """All rows of a sweep.

    Attributes
    ----------
    axes
        The names of its axes.
    rows
        By column; empty cells are None.
    """

    axes: tuple[str, ...]
    rows: tuple[Row, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns in order."""
        return (*LEADING, *self.axes, *OUTCOME, *MEASURED, *TRAILING)

    def write(self, folder: Path) -> None:
        """Write ``results.csv`` and ``results.h5``; the same table, the same bytes."""
        write_text(folder / CSV_NAME, _csv(self.columns, self.rows))
        write_arrays(folder / HDF5_NAME, {name: self._array(name) for name in self.columns})

    def _array(self, column: str) -> npt.NDArray[np.float64] | npt.NDArray[np.uint8]:
        """Numbers, NaN where there is none; text as rows of UTF-8 bytes, filled up with zeros."""
        cells = [row.get(column) for row in self.rows]
        numeric = column in NUMBERS or column in {"point", "pareto"}
        if numeric or (column in self.axes and all(_is_number(cell) for cell in cells)):
            return np.array([math.nan if cell is None else float(cell) for cell in cells])
        texts = [_text(cell).encode() for cell in cells]
        width = max(1, *map(len, texts))
        return np.frombuffer(b"".join(text.ljust(width, b"\0") for text in texts), np.uint8).reshape(
            -1, width
        )


def write_timings(outcomes: Sequence[Outcome], folder: Path) -> None:
    """Write ``timings.csv``: what differs from run to run, by the point's digest."""
    rows = [{"digest": outcome.digest, **asdict(outcome.timing)} for outcome in outcomes]
    names = ("digest", "compile_seconds", "run_seconds", "host", "process")
    write_text(folder / TIMINGS_NAME, _csv(names, rows))


def _csv(columns: Sequence[str], rows: Sequence[Row]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_text(row.get(name)) for name in columns] for row in rows)
    return text.getvalue()


def _text(cell: Cell) -> str:
    if isinstance(cell, bool):
        return str(cell).lower()
    return "" if cell is None else repr(cell) if isinstance(cell, float) else str(cell)


def _is_number(cell: Cell) -> bool:
    return isinstance(cell, (int, float)) and not isinstance(cell, bool)
