"""Tap sets: recorded tensors by step and point, ours or an RTL dump's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.analysis.dumps import read_dump
from npusim.errors import InputError
from npusim.files.hdf5_file import ArrayReader
from npusim.files.npz_file import NpzReader
from npusim.files.paths import inside
from npusim.program import Program, load_program
from npusim.vectors.manifest import MANIFEST_NAME, Manifest, StepVectors, VectorFile, read_manifest
from npusim.vectors.stream import Role

Key = tuple[str, str]
"""(step, point): the point is ``accumulator``, ``output`` or a stage's, such as ``1.shift_right``."""

POINTS = {Role.EXPECTED_ACCUMULATORS: "accumulator", Role.EXPECTED_OUTPUTS: "output"}
_SUFFIXES = (".npy", ".hex")
_PREFIX = "taps/"


@dataclass(frozen=True, eq=False)
class Tap:
    """One recorded tensor.

    Attributes
    ----------
    values
        (images, *output shape); where only some pixels were recorded (images, pixels, channels).
    bits, signed
        Of one value, as a dump writes it.
    pixels
        The recorded pixels, row * columns + column; None: all.
    columns
        The output's columns, to name pixels.
    """

    values: npt.NDArray[Any]
    bits: int
    signed: bool
    pixels: tuple[int, ...] | None = None
    columns: int = 1

    def place(self, flat: int) -> tuple[int, int | None, int | None, int]:
        """(image, row, column, channel) of a flat index; vectors have no row and column."""
        image, *rest, channel = (int(i) for i in np.unravel_index(flat, self.values.shape))
        if self.pixels is not None and len(rest) == 1:
            rest = list(divmod(self.pixels[rest[0]], self.columns))
        return (image, rest[0], rest[1], channel) if len(rest) == 2 else (image, None, None, channel)


@dataclass(frozen=True, eq=False)
class TapSet:
    """Everything recorded of a run.

    Attributes
    ----------
    inputs
        The program's inputs, where they are known.
    program
        The program that was run, where it is known.
    """

    path: Path
    taps: Mapping[Key, Tap]
    inputs: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    program: Program | None = None


def load_taps(path: Path, like: TapSet | None = None) -> TapSet:
    """Load a tap set.

    Parameters
    ----------
    path
        HDF5 or npz as ``npusim run --taps`` writes it; a folder of golden vectors; or a folder of
        dumps, ``<step>.accumulator`` and ``<step>.output`` as ``.npy`` or ``.hex`` ($writememh), or
        files that stand where the golden vectors of `like` have theirs.
    like
        What a folder of dumps is a dump of: it says shapes and widths.

    Raises
    ------
    InputError
        If nothing is found, or something cannot be read or has another size.
    """
    if not path.is_dir():
        return TapSet(path, dict(_read_file(path)))
    if (path / MANIFEST_NAME).is_file():
        return _read_vectors(path)
    if like is None:
        raise InputError("a folder of dumps needs the set it is compared with", file=path)
    found = dict(_read_dumps(path, like))
    if not found:
        allowed = "<step>.accumulator.hex, <step>.output.npy or files where the golden vectors have theirs"
        raise InputError("no dump of any recorded step in this folder", file=path, allowed=allowed)
    return TapSet(path, found)


def _read_file(path: Path) -> Iterator[tuple[Key, Tap]]:
    npz = path.suffix.lower() == ".npz"
    reader = NpzReader(path) if npz else ArrayReader(path)
    try:
        names = [name for name in reader.names() if name.startswith(_PREFIX) and name.count("/") > 1]
        if not names:
            raise InputError("holds no taps", file=path, allowed="what `npusim run --taps STEP,...` writes")
        for name in names:
            step, _, point = name.removeprefix(_PREFIX).rpartition("/")
            values = reader.read(name)
            if values.dtype.kind not in "iu" or values.ndim < 2:
                raise InputError("is no tap", file=path, key=name, found=str(values.dtype))
            yield (step, point), _tap(values)
    finally:
        reader.close()


def _tap(values: npt.NDArray[Any]) -> Tap:
    return Tap(values, 8 * values.dtype.itemsize, values.dtype.kind == "i")


def _read_vectors(folder: Path) -> TapSet:
    manifest = read_manifest(folder / MANIFEST_NAME)
    taps: dict[Key, Tap] = {}
    for step in manifest.steps:
        for file in step.files:
            if file.role in POINTS:
                path = inside(folder, file.path)
                taps[step.name, POINTS[file.role]] = _vector_tap(path, file, step, manifest)
    inputs = {
        str(file.tensor): _words(inside(folder, file.path), file).reshape(manifest.images, *tensor.shape)
        for file in manifest.network.files
        for tensor in manifest.network.inputs
        if file.role is Role.INPUT and file.tensor == tensor.name
    }
    return TapSet(folder, taps, inputs, load_program(inside(folder, manifest.program.path)))


def _vector_tap(path: Path, file: VectorFile, step: StepVectors, manifest: Manifest) -> Tap:
    words = _words(path, file)
    shape = step.output.shape
    columns = shape[1] if len(shape) == 3 else 1
    if step.pixels is None:
        return Tap(words.reshape(manifest.images, *shape), file.bits, file.signed, None, columns)
    sampled = words.reshape(manifest.images, len(step.pixels), -1)
    return Tap(sampled, file.bits, file.signed, step.pixels, columns)


def _words(path: Path, file: VectorFile) -> npt.NDArray[Any]:
    return read_dump(path, file.words, file.bits, signed=file.signed)


def _read_dumps(folder: Path, like: TapSet) -> Iterator[tuple[Key, Tap]]:
    places = _vector_places(like)
    for (step, point), tap in like.taps.items():
        names = [f"{step}.{point}{suffix}" for suffix in _SUFFIXES] + places.get((step, point), [])
        path = next((place for name in names if (place := inside(folder, name)).is_file()), None)
        if path is not None:
            bits, signed = _declared(like, step, point, tap)
            words = read_dump(path, prod(tap.values.shape), bits, signed=signed)
            yield (step, point), Tap(words.reshape(tap.values.shape), bits, signed, tap.pixels, tap.columns)


def _vector_places(like: TapSet) -> dict[Key, list[str]]:
    """Where the golden vectors have the same, with and without ``expected_``."""
    if not like.path.is_dir():
        return {}
    found: dict[Key, list[str]] = {}
    for step in read_manifest(like.path / MANIFEST_NAME).steps:
        for file in step.files:
            if file.role in POINTS:
                stem = file.path.rsplit(".", 1)[0]
                stems = (stem, stem.replace("expected_", ""), stem.replace("expected_", "found_"))
                names = [f"{name}{suffix}" for name in stems for suffix in _SUFFIXES]
                found[step.name, POINTS[file.role]] = names
    return found


def _declared(like: TapSet, step: str, point: str, tap: Tap) -> tuple[int, bool]:
    """The width of a dump's values: the program's, where it is known."""
    if like.program is not None and point == "accumulator":
        return like.program.datapath.mac.accumulator.bits, True
    return tap.bits, tap.signed
