"""``npusim prove --legality``: whether a datapath's fields can hold a program, or a network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from npusim.analysis.legality import Misfit
    from npusim.compiler.legality import NetworkLegality

_HEAD = 4096
_ROWS = 30
_BRIEF = 40


def legality(
    path: Path, datapath: str | None, recipe: str, calibration: Path | None, *, as_json: bool
) -> None:
    """Print what does not fit; raise CheckFailed if the datapath cannot run it."""
    if is_network(path):
        _of_network(path, datapath or "wes_npu", recipe, calibration, as_json=as_json)
    else:
        _of_program(path, datapath, as_json=as_json)


def is_network(path: Path) -> bool:
    """Whether a file says that it is a float network."""
    try:
        with path.open("rb") as file:
            return b"format: npusim-network" in file.read(_HEAD)
    except OSError:
        return False  # the program's loader says what is wrong


def _of_program(path: Path, source: str | None, *, as_json: bool) -> None:
    import npusim
    from npusim.analysis import legality as misfits_of
    from npusim.analysis.legality import unnormalised
    from npusim.errors import CheckFailed

    program = npusim.load_program(path)
    datapath = program.datapath if source is None else npusim.load_datapath(source)
    found = misfits_of(program, datapath)
    loose = () if found else unnormalised(program, datapath)
    if as_json:
        _echo({"program": program.name, "datapath": datapath.name, "legal": not found,
               "misfits": [_plain(one) for one in found], "unnormalised": list(loose)})  # fmt: skip
    else:
        typer.echo(
            f"{program.name} on {datapath.name}: " + ("fits" if not found else f"{len(found)} misfits")
        )
        _table([(one, None) for one in found])
        _unnormalised(loose)
    if found:
        raise CheckFailed(f"{datapath.name} cannot hold {program.name}: {len(found)} misfits")


def _of_network(path: Path, datapath: str, recipe: str, calibration: Path | None, *, as_json: bool) -> None:
    import npusim
    from npusim.cli.progress import Progress
    from npusim.compiler.legality import network_legality
    from npusim.errors import CheckFailed
    from npusim.files.data import open_data

    network = npusim.load_network(path)
    data = None
    if calibration is not None:
        with open_data(calibration) as file:
            data = file.read(0, min(256, file.shape[0]))
    with Progress("compiling") as progress:
        report = network_legality(network, datapath, recipe, data, progress=progress.tell)
    if as_json:
        _echo({"network": report.network, "datapath": report.datapath, "legal": report.refused is None,
               "refused": report.refused, "unnormalised": list(report.unnormalised),
               "misfits": [{**_plain(one.misfit), "instead": one.instead} for one in report.adjustments],
               "asked": dict(report.asked), "notes": list(report.notes)})  # fmt: skip
    else:
        _tell(report)
    if report.refused is not None:
        raise CheckFailed(f"{report.datapath} cannot hold {report.network}: {report.refused}")


def _tell(report: NetworkLegality) -> None:
    asked = (
        ", ".join(f"{field} {bits}" for field, bits in report.asked.items()) or "no field could be widened"
    )
    typer.echo(
        f"{report.network} on {report.datapath}, against what it would hold with wider fields ({asked})"
    )
    if not report.adjustments:
        typer.echo("everything fits")
    _table([(one.misfit, one.instead) for one in report.adjustments])
    _unnormalised(report.unnormalised)
    for note in report.notes:
        typer.echo(f"note of the compiler: {note}")


def _table(rows: list[tuple[Misfit, str | None]]) -> None:
    from npusim.cli.names import shortened
    from npusim.cli.tables import print_table

    if not rows:
        return
    short, meaning = shortened(list(dict.fromkeys(one.step for one, _ in rows)))
    typer.echo(meaning, nl=bool(meaning))
    print_table(
        ("step", "field", "would hold", "field holds", "compiled to", "would do"),
        [
            (short[one.step], one.key, one.found, _brief(one.allowed), instead, one.sufficient)
            for one, instead in rows[:_ROWS]
        ],
    )
    if len(rows) > _ROWS:
        typer.echo(
            f"and {len(rows) - _ROWS} more in {len({one.step for one, _ in rows})} steps; --json has all"
        )


def _brief(text: str) -> str:
    return text if len(text) <= _BRIEF else f"{text[: _BRIEF - 3]}..."


def _unnormalised(steps: tuple[str, ...]) -> None:
    if steps:
        typer.echo(f"multipliers that leave bits of their field unused, so less precise: {', '.join(steps)}")


def _plain(one: Misfit) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(one)


def _echo(described: dict[str, Any]) -> None:
    import json

    typer.echo(json.dumps(described))
