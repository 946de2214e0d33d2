"""``npusim vectors verify``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from npusim.cli import options

if TYPE_CHECKING:
    from npusim.vectors.units.check import Verdict

_STDIN = "-"


def verify(
    place: Annotated[
        str,
        typer.Argument(
            metavar="[SET]", help="A written set, a text with a device's answers, or - for standard input."
        ),
    ] = _STDIN,
    shown: Annotated[int, typer.Option("--shown", min=0, help="So many mismatches are told.")] = 10,
    json: options.Json = False,
) -> None:
    """Check a written set against the spec, or the answers that a device appended to a text of cases.

    `npusim vectors --datapath D --unit U --format text | your_dut | npusim vectors verify`: your device
    keeps lines that begin with # and appends " : RESULT [EVENTS ...]" to all others. Exit code 1 on a
    mismatch, if nothing was compared, if the input is edited or ends early.
    """
    from json import dumps

    from npusim.errors import CheckFailed

    path = Path(place)
    if place != _STDIN and path.is_dir():
        found = _folder(path)
        typer.echo(
            dumps(found) if json else f"{place}: {found['compared']:,} {found['of']} are what the spec makes"
        )
        return
    verdict = _text(place, shown)
    typer.echo(dumps(_plain(verdict)) if json else _told(verdict))
    if verdict.failure is not None:
        raise CheckFailed(f"{verdict.unit or place}: {verdict.failure}")


def _folder(path: Path) -> dict[str, Any]:
    from npusim.vectors import read_manifest, verify
    from npusim.vectors.manifest import MANIFEST_NAME, read_json
    from npusim.vectors.units.manifest import FORMAT
    from npusim.vectors.units.verify_sets import verify_units

    data = read_json(path / MANIFEST_NAME).data
    if isinstance(data, dict) and data.get("format") == FORMAT:
        return {"format": FORMAT, "compared": verify_units(path), "of": "cases"}
    verify(path)
    manifest = read_manifest(path / MANIFEST_NAME)
    return {"format": manifest.format, "compared": manifest.words, "of": "words"}


def _text(place: str, shown: int) -> Verdict:
    from npusim.errors import InputError
    from npusim.vectors.units.check import check_text

    if place == _STDIN:
        if sys.stdin is None:
            raise InputError("standard input is closed", key="SET")
        with open(sys.stdin.fileno(), encoding="utf-8", newline="\n", closefd=False) as file:
            return check_text(_lines(file), shown)
    try:
        with Path(place).open(encoding="utf-8", newline="\n") as file:
            return check_text(_lines(file), shown)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=place) from None


def _lines(file: TextIO) -> Iterator[str]:
    """Lines, none of them without end."""
    from npusim.vectors.units.reader import MOST_CHARACTERS

    while line := file.readline(MOST_CHARACTERS + 1):
        yield line


def _plain(verdict: Verdict) -> dict[str, Any]:
    return {
        "unit": verdict.unit,
        "cases": verdict.cases,
        "compared": verdict.compared,
        "events_compared": verdict.events_compared,
        "counters_compared": verdict.counters_compared,
        "mismatches": verdict.wrong,
        "shown": verdict.shown,
        "failure": verdict.failure,
    }


def _told(verdict: Verdict) -> str:
    counters = ", counters too" if verdict.counters_compared else ""
    summary = (
        f"{verdict.unit or 'no unit'}: {verdict.cases} cases, {verdict.compared} compared, "
        f"{verdict.events_compared} with events{counters}: {verdict.wrong} mismatches"
    )
    return "\n".join([*verdict.shown, summary])
