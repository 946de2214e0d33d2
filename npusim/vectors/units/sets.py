"""Writes a set of unit vectors into a folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import npusim
from npusim.coverage import Report
from npusim.datapath import Datapath
from npusim.errors import InputError
from npusim.files.atomic import output_folder, write_text
from npusim.files.digest import file_digest
from npusim.files.paths import inside
from npusim.vectors.file_entry import file_entry
from npusim.vectors.formats import VectorFormat, WordFormat
from npusim.vectors.growing import GrowingFiles
from npusim.vectors.manifest import MANIFEST_NAME, RegisterLayout, VectorFile
from npusim.vectors.stream import Stream
from npusim.vectors.units.made import make
from npusim.vectors.units.manifest import (
    COVERAGE_NAME,
    UnitManifest,
    UnitText,
    UnitVectors,
    outcomes,
    read_unit_manifest,
)
from npusim.vectors.units.names import DEFAULT_BEATS, unit_named, unit_names
from npusim.vectors.units.text import datapath_digest, text_lines
from npusim.vectors.units.unit import Level, VectorUnit

Progress = Callable[[int, int], None]
"""progress(done, total): units."""


def write_units(
    datapath: Datapath,
    folder: str | Path,
    *,
    units: Sequence[str] | None = None,
    level: Level = Level.QUICK,
    seed: int = 0,
    format: VectorFormat = VectorFormat.HEX,
    beats: int = DEFAULT_BEATS,
    progress: Progress | None = None,
) -> UnitManifest:
    """Write the vectors of units: what goes in, what must come out, which events, and what they cover.

    Same datapath, level and seed, same bytes. An earlier set of unit vectors in the folder is replaced.

    Parameters
    ----------
    units
        Names as of `unit_names`; None: all.
    beats
        Of the MAC column's outputs.

    Raises
    ------
    InputError
        If a unit or the folder does not suit.
    """
    names = unit_names(datapath) if units is None else units
    chosen = list({unit.name: unit for unit in (unit_named(datapath, n, beats) for n in names)}.values())
    with output_folder(folder) as place:
        remove_earlier(place)
        entries, reports = [], []
        with ExitStack() as stack:
            for index, unit in enumerate(chosen):
                entry, found = _write(unit, place, level, seed, format, stack)
                entries.append(entry)
                reports += found
                if progress is not None:
                    progress(index + 1, len(chosen))
        write_text(place / COVERAGE_NAME, json.dumps([report.plain() for report in reports]) + "\n")
        manifest = UnitManifest(
            npusim_version=npusim.__version__,
            vector_format=format,
            level=level,
            seed=seed,
            registers=RegisterLayout.of(datapath),
            units=tuple(entries),
            coverage_sha256=file_digest(place / COVERAGE_NAME),
            datapath_sha256=datapath_digest(datapath),
            datapath=datapath,
        )
        write_text(place / MANIFEST_NAME, manifest.to_json())
    return manifest


def remove_earlier(folder: Path) -> None:
    """Take an earlier set away, its manifest first: what is left of it must not look whole.

    Raises
    ------
    InputError
        If another kind of set stands there.
    """
    path = folder / MANIFEST_NAME
    if not path.exists():
        return
    try:
        manifest = read_unit_manifest(path)
    except InputError as error:
        raise InputError(
            f"holds a {MANIFEST_NAME} that is no unit vectors': {error.problem}",
            file=folder,
            allowed="an empty folder, or one with unit vectors to replace",
        ) from None
    path.unlink()
    for name in manifest.paths:
        inside(folder, name).unlink(missing_ok=True)
    for unit in manifest.units:
        place = inside(folder, unit.folder)
        if place.is_dir() and not any(place.iterdir()):
            place.rmdir()


def _write(
    unit: VectorUnit, folder: Path, level: Level, seed: int, format_: VectorFormat, stack: ExitStack
) -> tuple[UnitVectors, list[Report]]:
    made, origins, reports = make(unit, level, seed)
    files: tuple[VectorFile, ...] = ()
    text = None
    if format_ is VectorFormat.TEXT:
        path = f"{unit.name}.txt"
        write_text(folder / path, "".join(text_lines(unit, level, seed)))
        text = UnitText(path=path, sha256=file_digest(folder / path))
    else:
        words = format_.words
        named = named_streams(unit.name, made.streams(), words)
        growing = GrowingFiles(folder, words, named, stack)
        for (path, stream), values in zip(named.items(), made.columns(), strict=True):
            for _, block in stream.blocks(values):
                growing.add(path, block)
        digests = growing.finish()
        files = tuple(file_entry(path, stream, words, digests) for path, stream in named.items())
    entry = UnitVectors(
        unit=unit.name,
        folder=unit.name,
        beats=unit.beats,
        cases=len(made.cases),
        origins=origins,
        results=unit.results,
        files=files,
        text=text,
        counters=made.counters,
        coverage=outcomes(reports),
    )
    return entry, reports


def named_streams(folder: str, found: Sequence[Stream], words: WordFormat) -> dict[str, Stream]:
    """Streams by their paths in a set."""
    return {f"{folder}/{stream.name}{words.suffix}": replace(stream, owner=folder) for stream in found}
