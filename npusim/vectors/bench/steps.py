"""Which steps of a vector set the benches cover, and the case that each of them is."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from pathlib import Path

from npusim.errors import CheckFailed, InputError
from npusim.files.digest import file_digest
from npusim.files.paths import inside
from npusim.spec.stages import Table
from npusim.vectors.bench.case import Case, MemoryFile, hex_text, memory_file
from npusim.vectors.bench.unit import Unit, UnitKind
from npusim.vectors.formats import VectorFormat
from npusim.vectors.manifest import Manifest, StepVectors

BENCH_FOLDER = "bench"
COLUMNS = 4
"""Of the reference's MAC tile: few, so that most layers end in a partial tile."""

MOST_TABLE_BITS = 1 << 16
_COMBINED = ("add", "sub", "mul")


@dataclass(frozen=True)
class NotCovered:
    """A step that no bench runs, and why."""

    step: str
    why: str


def cases(folder: Path, manifest: Manifest, columns: int = COLUMNS) -> list[Case | NotCovered]:
    """Every step of a set, as a bench's case where there is a bench for it.

    Raises
    ------
    InputError
        If the set is not written as hex files.
    CheckFailed
        If a file is not the one the manifest lists.
    """
    if manifest.vector_format is not VectorFormat.HEX:
        raise InputError(
            "benches read hex files", key="vector_format", found=str(manifest.vector_format), allowed="hex"
        )
    return [_step(folder, manifest, entry, columns) for entry in manifest.steps]


def _step(folder: Path, manifest: Manifest, entry: StepVectors, columns: int) -> Case | NotCovered:
    unit = _unit(manifest, entry, columns)
    if isinstance(unit, NotCovered):
        return unit
    if len([s for s in unit.widths(unit.main) if isinstance(s.stage, Table)]) > 1:
        return NotCovered(entry.name, "its pipeline has several tables")
    if unit.table.entries * unit.table.bits > MOST_TABLE_BITS:
        return NotCovered(entry.name, f"a table of more than {MOST_TABLE_BITS} bits")
    return _mac_case(folder, entry, unit) if unit.kind is UnitKind.MAC else _word_case(folder, entry, unit)


def _unit(manifest: Manifest, entry: StepVectors, columns: int) -> Unit | NotCovered:
    datapath = manifest.datapath
    if entry.kind == "mac":
        operation = str(entry.attributes["operation"])
        declared = operation if operation in datapath.pipelines else "mac"
        return Unit(UnitKind.MAC, declared, datapath, columns=columns)
    if entry.kind in _COMBINED:
        if any(tensor.shape != entry.output.shape for tensor in entry.inputs):
            return NotCovered(entry.name, "an input is repeated to fit the other")
        return Unit(UnitKind.COMBINE, entry.kind, datapath)
    if entry.kind == "table":
        return Unit(UnitKind.PIPELINE, "table", datapath)
    return NotCovered(entry.name, f"no reference RTL for {entry.kind} steps")


def _mac_case(folder: Path, entry: StepVectors, unit: Unit) -> Case:
    assert entry.beats is not None
    files = _files(folder, entry)
    channels = entry.output.shape[-1]
    pixels = files["expected_outputs"].words // channels
    shown = entry.pixels or range(prod(entry.output.shape[:-1]))
    case_folder = folder / BENCH_FOLDER / entry.folder
    case_folder.mkdir(parents=True, exist_ok=True)
    text = hex_text("pixels", 32, list(shown))
    (case_folder / "pixels.hex").write_text(text)
    files["pixels"] = memory_file("pixels", 32, text)
    sizes = {
        "pixels": pixels,
        "pixels_per_image": len(shown),
        "channels": channels,
        "beats": entry.beats.beats,
        "sets": entry.beats.columns,
        "outputs_per_set": entry.beats.outputs_per_column,
    }
    comparisons = 2 * pixels * channels
    return Case(
        entry.name, unit, folder / entry.folder, case_folder, sizes, tuple(files.values()), comparisons
    )


def _word_case(folder: Path, entry: StepVectors, unit: Unit) -> Case:
    files = _files(folder, entry)
    case_folder = folder / BENCH_FOLDER / entry.folder
    case_folder.mkdir(parents=True, exist_ok=True)
    words = files["expected_outputs"].words
    sizes = {
        "words": words,
        "words_per_image": prod(entry.output.shape),
        "channels": entry.output.shape[-1],
    }
    return Case(entry.name, unit, folder / entry.folder, case_folder, sizes, tuple(files.values()), words)


def _files(folder: Path, entry: StepVectors) -> dict[str, MemoryFile]:
    """The step's files by name, each of them as the manifest lists it."""
    found = {}
    for file in entry.files:
        path = inside(folder, file.path)
        if not path.is_file():
            raise CheckFailed(f"{path}: the file is missing")
        digest = file_digest(path)
        if digest != file.sha256:
            raise CheckFailed(f"{path}: content differs from its sha256 in the manifest; found {digest}")
        found[file.name] = memory_file(file.name, file.word_bits, path.read_text("ascii"))
    return found
