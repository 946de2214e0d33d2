"""Checks a set of unit vectors: files against digests, expected words against the spec."""

from __future__ import annotations

from pathlib import Path

from npusim.errors import CheckFailed
from npusim.files.paths import inside
from npusim.vectors.file_entry import file_entry, place_of
from npusim.vectors.formats import WordFormat
from npusim.vectors.manifest import MANIFEST_NAME
from npusim.vectors.units.made import Made, from_columns, streams
from npusim.vectors.units.manifest import COVERAGE_NAME, UnitManifest, UnitVectors, read_unit_manifest
from npusim.vectors.units.names import unit_named
from npusim.vectors.units.reader import TextReader, some
from npusim.vectors.units.sets import named_streams
from npusim.vectors.units.text import datapath_digest
from npusim.vectors.units.unit import VectorUnit
from npusim.vectors.verify import check_digest
from npusim.vectors.words import Words


def verify_units(folder: str | Path) -> int:
    """Check that a set is whole and right, every expected word computed anew; returns the cases compared.

    Raises
    ------
    CheckFailed
        Naming the file, and the line or word, of the first difference.
    InputError
        If there is no manifest, or it cannot be understood.
    """
    place = Path(folder)
    manifest = read_unit_manifest(place / MANIFEST_NAME)
    if manifest.datapath_sha256 != datapath_digest(manifest.datapath):
        raise CheckFailed(f"{place / MANIFEST_NAME}: datapath: differs from datapath_sha256")
    for entry in manifest.units:
        _verify(place, manifest, entry)
    check_digest(place, COVERAGE_NAME, {COVERAGE_NAME: manifest.coverage_sha256})
    return manifest.cases


def _verify(folder: Path, manifest: UnitManifest, entry: UnitVectors) -> None:
    unit = unit_named(manifest.datapath, entry.unit, entry.beats or 1)
    if entry.text is not None:
        path = inside(folder, entry.text.path)
        check_digest(folder, entry.text.path, {entry.text.path: entry.text.sha256})
        with path.open(encoding="utf-8", newline="\n") as file:
            reader = TextReader(file)
            cases = sum(1 for _ in reader.cases())
        found = (reader.unit.name, reader.unit.datapath, cases, reader.tally.counters)
        if found != (unit.name, unit.datapath, entry.cases, entry.counters):
            raise CheckFailed(f"{path}: not the cases that {MANIFEST_NAME} tells of")
        return
    made = from_columns(unit, _read(folder, manifest.vector_format.words, unit, entry))
    _compare(folder, made, entry)
    recorded = {file.path: file.sha256 for file in entry.files}
    for path_ in recorded:
        check_digest(folder, path_, recorded)


def _read(folder: Path, words: WordFormat, unit: VectorUnit, entry: UnitVectors) -> dict[str, Words]:
    """The words of all files, which must be those that such a unit has."""
    tables = [file.order[0].size for file in entry.files if file.order[0].axis == "table"]
    named = named_streams(entry.folder, streams(unit, entry.cases, tables[0] if tables else 0), words)
    listed = {file.name: file for file in entry.files}
    found = {}
    for path, stream in named.items():
        file = listed.get(stream.name)
        wanted = None if file is None else file_entry(path, stream, words, {path: file.sha256})
        if file is None or file != wanted:
            raise CheckFailed(
                f"{folder / MANIFEST_NAME}: {entry.unit}: {stream.name} is not as the unit has it"
            )
        reader = words.reader(inside(folder, place_of(path, words)), stream)
        reader.open()
        found[stream.name] = reader.read(stream.words)
        reader.finish()
    return found


def _compare(folder: Path, made: Made, entry: UnitVectors) -> None:
    names = [port.name for port in made.unit.outputs]
    for index, (case, outputs) in enumerate(zip(made.cases, made.outputs, strict=True)):
        problem = made.unit.problem(case)
        wanted = () if problem else made.unit.respond(case)
        if wanted != outputs:
            wrong = next((n for n, a, b in zip(names, outputs, wanted, strict=False) if a != b), names[0])
            what = problem or f"found {some(outputs)}, but the spec makes {some(wanted)}"
            raise CheckFailed(f"{folder / entry.folder}: {wrong}: case {index}: {what}")
    if made.counters != entry.counters:
        raise CheckFailed(f"{folder / MANIFEST_NAME}: {entry.unit}: counters are not those of the cases")
