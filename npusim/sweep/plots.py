"""Plots of a sweep: quality along its first axis, and against a cost with the Pareto front.

Needs matplotlib, the extra ``plots``. The same table gives the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from npusim.files.atomic import atomic_path
from npusim.sweep.model import Sweep
from npusim.sweep.pareto import is_number
from npusim.sweep.table import Row, Table

_STYLE: dict[Any, Any] = {
    "svg.hashsalt": "npusim",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "axes.axisbelow": True,
}
_MARKERS = "osD^vPX<>*"
_MOST_WORDS = 3
_ACCUMULATOR = "mac.accumulator.bits"
_LABELS = {
    "top1": "top-1 [%]",
    "agreement": "same first choice as float [%]",
    "output_sqnr_db": "SQNR of the answers [dB]",
    "worst_sqnr_db": "SQNR of the worst step [dB]",
    "macs": "MACs of one image",
    "weight_bytes": "weights [bytes]",
}
_SHARES = {"top1", "agreement"}


def draw(sweep: Sweep, table: Table, quality: str, folder: Path) -> tuple[Path, ...]:
    """Draw a sweep's plots as SVG.

    Returns
    -------
    Two files per network: ``NETWORK-AXIS.svg``, and ``NETWORK-pareto.svg`` if there is more than one cost.
    """
    folder.mkdir(parents=True, exist_ok=True)
    cost, written = sweep.pareto.cost, []
    with mpl.rc_context(_STYLE):
        for network in dict.fromkeys(str(row["network"]) for row in table.rows):
            rows = [row for row in table.rows if row["network"] == network and is_number(row.get(quality))]
            if table.axes and rows:
                figure = _along(sweep, table, rows, quality)
                written.append(_save(figure, folder / f"{_word(network)}-{table.axes[0]}.svg"))
            priced = [row for row in rows if is_number(row.get(cost))]
            if len({row[cost] for row in priced}) > 1:
                figure = _against(table, priced, quality, cost)
                written.append(_save(figure, folder / f"{_word(network)}-pareto.svg"))
    return tuple(written)


def _along(sweep: Sweep, table: Table, rows: Sequence[Row], quality: str) -> Figure:
    """Quality along the first axis, one line for each combination of everything else."""
    axis = table.axes[0]
    figure, axes = _figure(f"{rows[0]['network']}: {sweep.title}")
    numeric = all(is_number(row[axis]) for row in rows)
    for index, (label, line) in enumerate(_lines(table, rows, axis)):
        places: list[Any] = [row[axis] if numeric else str(row[axis]) for row in line]
        heights = _heights(line, quality)
        style: dict[str, Any] = {"color": f"C{index}", "marker": _MARKERS[index % len(_MARKERS)]}
        kind = "-" if numeric else ""
        axes.plot(places, heights, linestyle=kind, label=label or None, markersize=5, **style)
        over = [place for place, row in enumerate(line) if row["overflows"]]
        rings = [places[place] for place in over], [heights[place] for place in over]
        axes.plot(*rings, linestyle="", markersize=11, markerfacecolor="none", **style)
    if any(row["overflows"] for row in rows):
        axes.plot([], [], "o", color="#555555", markersize=11, markerfacecolor="none", label="overflows")
    if _ACCUMULATOR in sweep.axes[axis].datapath_paths:
        _mark_bits(axes, rows)
    if not numeric:
        axes.tick_params("x", rotation=30)
    _finish(axes, rows, axis, quality)
    return figure


def _mark_bits(axes: Axes, rows: Sequence[Row]) -> None:
    """The widths that are proven to suffice and that were seen to be needed, without overflow."""
    for column, label, style in (("proven_bits", "proven", "--"), ("seen_bits", "seen", ":")):
        found = [row[column] for row in rows if is_number(row.get(column)) and not row["overflows"]]
        if found:
            bits = max(float(cell) for cell in found if cell is not None)
            axes.axvline(bits, color="#555555", linestyle=style, label=f"{bits:.0f} bits {label}")


def _against(table: Table, rows: Sequence[Row], quality: str, cost: str) -> Figure:
    """Quality against a cost; the front is a line."""
    figure, axes = _figure(f"{rows[0]['network']}: {_LABELS[quality]} against {_name(cost)}")
    others = [row for row in rows if not row["pareto"]]
    best = sorted((row for row in rows if row["pareto"]), key=lambda row: float(row[cost] or 0))
    axes.plot(_cells(others, cost), _heights(others, quality), "o", color="#aaaaaa", label="other points")
    front = _cells(best, cost), _heights(best, quality)
    axes.plot(*front, "o-", drawstyle="steps-post", color="C3", label="Pareto front")
    names = _telling(rows, ("datapath", "recipe", *table.axes))
    texts: dict[tuple[Any, float], list[str]] = {}
    for place, row in zip(zip(*front, strict=True), best, strict=True):
        texts.setdefault(place, []).append(", ".join(str(row[name]) for name in names))
    for place, words in texts.items():
        text = "\n".join([*words[:_MOST_WORDS], *(["..."] if len(words) > _MOST_WORDS else [])])
        axes.annotate(text, place, xytext=(5, -4), textcoords="offset points", va="top", fontsize=8)
    _finish(axes, rows, cost, quality)
    return figure


def _lines(table: Table, rows: Sequence[Row], axis: str) -> Iterator[tuple[str, list[Row]]]:
    """Rows by everything but one axis, with the words that tell them apart."""
    telling = _telling(rows, [name for name in ("datapath", "recipe", *table.axes) if name != axis])
    lines: dict[str, list[Row]] = {}
    for row in rows:
        lines.setdefault(", ".join(str(row[name]) for name in telling), []).append(row)
    yield from lines.items()


def _telling(rows: Sequence[Row], names: Sequence[str]) -> list[str]:
    """The columns in which rows differ."""
    return [name for name in names if len({str(row[name]) for row in rows}) > 1]


def _cells(rows: Sequence[Row], column: str) -> list[Any]:
    return [row[column] for row in rows]


def _heights(rows: Sequence[Row], quality: str) -> list[float]:
    factor = 100.0 if quality in _SHARES else 1.0
    return [factor * float(row.get(quality) or 0) for row in rows]


def _figure(title: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title, loc="left", fontsize=11)
    return figure, axes


def _finish(axes: Axes, rows: Sequence[Row], x: str, quality: str) -> None:
    if all(isinstance(row[x], int) for row in rows):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel(_name(x))
    axes.set_ylabel(_LABELS[quality])
    if axes.get_legend_handles_labels()[1]:
        axes.legend(frameon=False, fontsize=9)


def _name(column: str) -> str:
    return _LABELS.get(column, column.replace("_", " "))


def _word(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "_", name)


def _save(figure: Figure, path: Path) -> Path:
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="svg", metadata={"Date": None})
    return path
