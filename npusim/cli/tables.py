"""Tables for people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str | None = None
) -> None:
    """Print a table; numbers stand to the right. Wide enough for its content when piped."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    cells = [[cell if isinstance(cell, str) else _text(cell) for cell in row] for row in rows]
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for index, column in enumerate(columns):
        numeric = bool(cells) and all(_is_number(row[index]) for row in cells)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in cells:
        table.add_row(*(Text(cell) for cell in row))
    console = Console()
    if not console.is_terminal:
        console = Console(width=200)
    console.print(table)


def percent(share: float | None) -> str:
    """A share as a percentage."""
    return "-" if share is None else f"{100 * share:.1f} %"


def decibels(value: float | None) -> str:
    """An SQNR."""
    return "-" if value is None else f"{value:.1f} dB"


def _text(cell: object) -> str:
    return "-" if cell is None else str(cell)


def _is_number(cell: str) -> bool:
    return cell == "-" or cell[:1].isdigit() or cell[:1] in "-+" or cell == "inf dB"
