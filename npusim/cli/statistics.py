"""How commands show what a run observed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from npusim.cli.tables import print_table

if TYPE_CHECKING:
    from npusim.statistics import StepStatistics


def print_statistics(
    found: dict[str, StepStatistics] | None, images: int, output: Path, *, as_json: bool
) -> None:
    """A run's statistics: a table, or JSON."""
    statistics = list((found or {}).values())
    if as_json:
        typer.echo(json.dumps({"output": str(output), "steps": [plain(found) for found in statistics]}))
        return
    typer.echo(f"{output}: {images} images")
    if statistics:
        print_table(COLUMNS, [row(found) for found in statistics])
        for line in overflow_lines(statistics):
            typer.echo(line)


COLUMNS = ("step", "path", "acc bits proven", "acc bits seen", "overflows", "saturated", "activation", "ties")


def row(found: StepStatistics) -> list[object]:
    """One step's row of the table."""
    from npusim.spec.events import Event
    from npusim.spec.interval import Interval

    seen = found.accumulator
    return [
        found.step,
        None if found.path is None else found.path.value,
        None if found.reachable is None else found.reachable.bits,
        None if seen is None else Interval(seen.lowest, seen.highest).bits,
        None if seen is None else found.overflows,
        found.count(Event.SATURATED_LOW, Event.SATURATED_HIGH),
        found.count(Event.ACTIVATION),
        found.count(Event.TIE),
    ]


def overflow_lines(statistics: list[StepStatistics]) -> list[str]:
    """Overflow is never silent: where each step's first one is."""
    lines = []
    for found in statistics:
        if found.overflows and found.accumulator is not None and found.accumulator.first_overflow is not None:
            image, *place = found.locate(found.accumulator.first_overflow)
            where = f"first in image {image} at {tuple(place)}"
            lines.append(f"overflow: {found.step}: {found.overflows} accumulators, {where}")
    return lines


def plain(found: StepStatistics) -> dict[str, Any]:
    """One step's statistics as plain data."""
    seen = found.accumulator
    return {
        "name": found.step,
        "kind": found.kind,
        "macs": found.macs,
        "path": None if found.path is None else found.path.value,
        "reason": found.reason,
        "proven": None if found.reachable is None else [found.reachable.low, found.reachable.high],
        "observed": None if seen is None else [seen.lowest, seen.highest],
        "final_overflows": None if seen is None else seen.final_overflows,
        "prefix_overflows": None if seen is None else seen.prefix_overflows,
        "first_overflow": None
        if seen is None or seen.first_overflow is None
        else list(found.locate(seen.first_overflow)),
        "events": {
            stage: {
                event: {"count": counted.count, "first": list(found.locate(counted.first))}
                for event, counted in sorted(events.items())
            }
            for stage, events in found.events.items()
        },
    }
