"""Writes a set of golden vectors."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from npusim.errors import InputError
from npusim.files.atomic import output_folder, write_text
from npusim.files.digest import file_digest
from npusim.files.paths import inside
from npusim.input_codes import to_codes
from npusim.program import Program
from npusim.simulator import Inputs
from npusim.steps.base import Array
from npusim.vectors.file_entry import place_of
from npusim.vectors.formats import VectorFormat
from npusim.vectors.generate import Generator, Progress
from npusim.vectors.growing import GrowingFiles
from npusim.vectors.manifest import MANIFEST_NAME, Manifest, ProgramFiles, read_manifest
from npusim.vectors.pixels import Sampling
from npusim.vectors.plan import Plan, plan_vectors

PROGRAM_NAME = "program.yaml"
DEFAULT_MAX_BYTES = 1 << 30


def write_vectors(
    program: Program,
    inputs: Inputs,
    folder: str | Path,
    *,
    steps: Sequence[str] | None = None,
    format: VectorFormat = VectorFormat.HEX,
    images: int = 1,
    sample_pixels: int | None = None,
    seed: int = 0,
    input_seed: int | None = None,
    max_bytes: int = DEFAULT_MAX_BYTES,
    progress: Progress | None = None,
) -> Manifest:
    """Write stimulus and expected responses of steps and of the whole network.

    The set holds a copy of the program and needs nothing else. An earlier set in the folder is
    replaced; files it did not list stay. Same program and inputs, same bytes.

    Parameters
    ----------
    inputs
        A batch as for :func:`npusim.simulate`; its first `images` images are used.
    steps
        Names of the steps to write; None: all. The network's inputs and outputs are always written.
    sample_pixels
        Show only so many output pixels of each mac step: corners and edges, and others that `seed`
        chooses. None: all.
    input_seed
        What seed the inputs were made of, for the manifest; None: they were given.
    max_bytes
        Refuse to write more than this.
    progress
        Called with steps done and steps in all.

    Raises
    ------
    InputError
        If steps, inputs or folder do not suit, or the set would be larger than `max_bytes`.
    """
    sampling = None if sample_pixels is None else Sampling(sample_pixels, seed)
    plan = plan_vectors(program, steps, VectorFormat(format), images, sampling, input_seed)
    _check_size(plan, max_bytes)
    codes = to_codes(program, _first(inputs, images))
    with output_folder(folder) as place:
        previous = _previous(place)
        with ExitStack() as stack:
            files = GrowingFiles(place, plan.format.words, dict(plan.files()), stack)
            generator = Generator(plan, files, progress)
            generator.constants()
            generator.images({name: batch[image] for name, batch in codes.items()} for image in range(images))
            digests = files.finish()
            _remove(place, previous, keep={place_of(path, plan.format.words) for path in digests})
            program.save(place / PROGRAM_NAME)
        manifest = plan.manifest(program_files(place, program.name), digests)
        write_text(place / MANIFEST_NAME, manifest.to_json())
    return manifest


def program_files(folder: Path, name: str) -> ProgramFiles:
    """The program beside a manifest, with digests."""
    document = folder / PROGRAM_NAME
    arrays = document.with_suffix(".h5")
    there = arrays.is_file()
    return ProgramFiles(
        name=name,
        path=document.name,
        sha256=file_digest(document),
        arrays=arrays.name if there else None,
        arrays_sha256=file_digest(arrays) if there else None,
    )


def _check_size(plan: Plan, max_bytes: int) -> None:
    size = plan.size()
    if size > max_bytes:
        largest, stream = max(plan.files(), key=lambda file: plan.format.words.size(file[1]))
        raise InputError(
            f"the vectors would take {size} bytes, {plan.format.words.size(stream)} of them in {largest}",
            key="max_bytes",
            found=size,
            allowed=f"up to {max_bytes}; pass sample_pixels=64, fewer steps or images, or a larger max_bytes",
        )


def _first(inputs: Inputs, images: int) -> dict[str, Array] | Array:
    if isinstance(inputs, Mapping):
        return {name: _cut(np.asarray(batch), images) for name, batch in inputs.items()}
    return _cut(np.asarray(inputs), images)


def _cut(batch: Array, images: int) -> Array:
    if batch.ndim and len(batch) < images:
        raise InputError(
            "the inputs hold fewer images", key="images", found=images, allowed=f"up to {len(batch)}"
        )
    return batch[:images] if batch.ndim else batch


def _previous(folder: Path) -> Manifest | None:
    """The manifest of the set that stands in a folder already."""
    path = folder / MANIFEST_NAME
    if not path.exists():
        return None
    try:
        return read_manifest(path)
    except InputError as error:
        raise InputError(
            f"holds a {MANIFEST_NAME} that is no vector set's: {error.problem}",
            file=folder,
            allowed="an empty folder, or one with a vector set to replace",
        ) from None


def _remove(folder: Path, previous: Manifest | None, keep: set[str]) -> None:
    """Take away an earlier set, its manifest first: what is left of it must not look whole."""
    if previous is None:
        return
    (folder / MANIFEST_NAME).unlink()
    for name in previous.paths:
        path = inside(folder, name)
        if name not in keep:
            path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # not empty yet, or the folder itself
            path.parent.rmdir()
