"""The steps of a vector set as benches' cases."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from pathlib import Path

from npusim.errors import CheckFailed, InputError
from npusim.files.digest import file_digest
from npusim.files.paths import inside
from npusim.vectors.bench.case import Case, MemoryFile, hex_text, memory_file
from npusim.vectors.bench.step_units import NotCovered, unit_of
from npusim.vectors.bench.unit import Unit, UnitKind
from npusim.vectors.formats import VectorFormat
from npusim.vectors.manifest import Manifest, StepVectors, VectorFile

BENCH_FOLDER = "bench"
COLUMNS = 4
"""Of the reference's MAC tile: few, so that most layers end in a partial tile."""

COMPARED = ("expected_accumulators", "expected_outputs")
"""The files whose words a bench compares."""


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
    unit = unit_of(manifest, entry, columns)
    if isinstance(unit, NotCovered):
        return unit
    files = checked_files(folder, entry.files)
    case_folder = folder / BENCH_FOLDER / entry.folder
    case_folder.mkdir(parents=True, exist_ok=True)
    text = hex_text("pixels", 32, list(entry.pixels or range(_pixels(entry))))
    (case_folder / "pixels.hex").write_text(text)
    files["pixels"] = memory_file("pixels", 32, text)
    sizes = _SIZES.get(unit.kind, _word_sizes)(manifest, entry, files)
    compared = sum(files[name].words for name in COMPARED if name in files)
    folder = folder / entry.folder
    return Case(entry.name, unit, folder, case_folder, sizes, tuple(files.values()), compared)


def _pixels(entry: StepVectors) -> int:
    return prod(entry.output.shape[:-1])


def _shown(manifest: Manifest, entry: StepVectors, files: Mapping[str, MemoryFile]) -> dict[str, int]:
    shown = files["pixels"].words
    return {
        "pixels": shown * manifest.images,
        "pixels_per_image": shown,
        "channels": entry.output.shape[-1],
    }


def _beat_sizes(manifest: Manifest, entry: StepVectors, files: Mapping[str, MemoryFile]) -> dict[str, int]:
    beats = entry.beats
    assert beats is not None
    sizes = _shown(manifest, entry, files)
    sizes |= {"beats": beats.beats, "sets": beats.columns, "outputs_per_set": beats.outputs_per_column}
    return sizes | {"shift_left": int(str(entry.attributes.get("shift", 0)))}


def _matmul_sizes(manifest: Manifest, entry: StepVectors, files: Mapping[str, MemoryFile]) -> dict[str, int]:
    *outer, rows, _ = entry.output.shape
    return _beat_sizes(manifest, entry, files) | {"matrices": prod(outer), "rows": rows}


def _word_sizes(manifest: Manifest, entry: StepVectors, files: Mapping[str, MemoryFile]) -> dict[str, int]:
    words, channels = files["expected_outputs"].words, entry.output.shape[-1]
    return {"words": words, "words_per_image": words // manifest.images, "channels": channels}


def _pool_sizes(manifest: Manifest, entry: StepVectors, files: Mapping[str, MemoryFile]) -> dict[str, int]:
    sizes = _shown(manifest, entry, files)
    return sizes | {"positions": files["in_image"].words // files["pixels"].words}


def _walk_sizes(manifest: Manifest, entry: StepVectors, files: Mapping[str, MemoryFile]) -> dict[str, int]:
    inputs = files["input_0"].words // manifest.images
    return _word_sizes(manifest, entry, files) | {"input_words": inputs}


_Sizes = Callable[[Manifest, StepVectors, Mapping[str, MemoryFile]], dict[str, int]]
_SIZES: dict[UnitKind, _Sizes] = {
    UnitKind.MAC: _beat_sizes,
    UnitKind.MATMUL: _matmul_sizes,
    UnitKind.POOL: _pool_sizes,
    UnitKind.WALK: _walk_sizes,
}


def checked_files(folder: Path, files: Sequence[VectorFile]) -> dict[str, MemoryFile]:
    """Files by name, each of them as the manifest lists it.

    Raises
    ------
    CheckFailed
        If one is not.
    """
    found = {}
    for file in files:
        path = inside(folder, file.path)
        if not path.is_file():
            raise CheckFailed(f"{path}: the file is missing")
        digest = file_digest(path)
        if digest != file.sha256:
            raise CheckFailed(f"{path}: content differs from its sha256 in the manifest; found {digest}")
        found[file.name] = memory_file(file.name, file.word_bits, path.read_text("ascii"))
    return found


__all__ = ["BENCH_FOLDER", "COLUMNS", "NotCovered", "Unit", "cases"]
