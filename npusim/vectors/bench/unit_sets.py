"""The units of a set of unit vectors as benches' cases; every case of a unit is a channel of one pixel."""

from __future__ import annotations

from pathlib import Path

from npusim.datapath import Datapath
from npusim.datapath.operations import PipelineRole
from npusim.errors import InputError
from npusim.spec.width import Width
from npusim.vectors.bench.case import Case, hex_text, memory_file
from npusim.vectors.bench.step_units import NotCovered, unsuited
from npusim.vectors.bench.steps import BENCH_FOLDER, COMPARED, checked_files
from npusim.vectors.bench.unit import Unit, UnitKind
from npusim.vectors.formats import VectorFormat
from npusim.vectors.units.manifest import UnitManifest, UnitVectors

_COLUMN = "mac_column"


def unit_cases(folder: Path, manifest: UnitManifest, columns: int) -> list[Case | NotCovered]:
    """Every unit of a set, as a bench's case.

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
    return [_case(folder, manifest, entry, columns) for entry in manifest.units]


def _case(folder: Path, manifest: UnitManifest, entry: UnitVectors, columns: int) -> Case | NotCovered:
    unit = _unit(manifest.datapath, entry, columns)
    why = unsuited(unit)
    if why is not None:
        return NotCovered(entry.unit, why)
    files = checked_files(folder, entry.files)
    case_folder = folder / BENCH_FOLDER / entry.folder
    case_folder.mkdir(parents=True, exist_ok=True)
    text = hex_text("pixels", 32, [0])
    (case_folder / "pixels.hex").write_text(text)
    files["pixels"] = memory_file("pixels", 32, text)
    count = entry.cases
    sizes = {"words": count, "words_per_image": count, "channels": count}
    if unit.kind is UnitKind.MAC:
        sizes = {"pixels": 1, "pixels_per_image": 1, "channels": count, "beats": entry.beats or 1}
        sizes |= {"sets": count, "outputs_per_set": 1}
    compared = sum(files[name].words for name in COMPARED if name in files)
    return Case(entry.unit, unit, folder / entry.folder, case_folder, sizes, tuple(files.values()), compared)


def _unit(datapath: Datapath, entry: UnitVectors, columns: int) -> Unit:
    operation, _, part = entry.unit.partition(".")
    if entry.beats is not None:
        return Unit(UnitKind.MAC, operation, datapath, columns=columns, rescales=False, part=_COLUMN)
    if not part:
        return Unit(UnitKind.COMBINE, operation, datapath)
    (made,) = [file for file in entry.files if file.name == "expected_outputs"]
    width = Width(made.bits, made.signed)
    makes = None if width == datapath.activation.register else width
    named = "table" if operation == "table" else ""
    return Unit(UnitKind.PIPELINE, operation, datapath, PipelineRole(part), part=named, makes=makes)
