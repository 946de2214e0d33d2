"""Checks a set of golden vectors against a fresh simulation of the program it carries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from npusim.errors import CheckFailed, InputError
from npusim.files.digest import file_digest
from npusim.files.paths import inside
from npusim.program import load_program
from npusim.steps.base import Array
from npusim.vectors.file_entry import place_of
from npusim.vectors.formats import WordReader
from npusim.vectors.generate import Generator
from npusim.vectors.manifest import MANIFEST_NAME, Manifest, read_manifest, require_same
from npusim.vectors.pixels import Sampling
from npusim.vectors.plan import NETWORK_FOLDER, Plan, plan_vectors
from npusim.vectors.stream import Stream
from npusim.vectors.words import Words


def verify(folder: str | Path) -> None:
    """Check that a set is whole and right: digests, word counts, widths, and every single word.

    Everything but the network's inputs is computed anew from the recorded program.

    Raises
    ------
    CheckFailed
        Naming the file, and the line or word, of the first difference.
    InputError
        If there is no manifest, or it cannot be understood.
    """
    place = Path(folder)
    manifest = read_manifest(place / MANIFEST_NAME)
    plan = _plan(place, manifest)
    streams = dict(plan.files())

    def opened(path: str) -> WordReader:
        words = plan.format.words
        return words.reader(place / place_of(path, words), streams[path])

    readers = {path: opened(path) for path in streams}
    for reader in readers.values():
        reader.open()
    inputs = {name: plan.path(NETWORK_FOLDER, stream) for name, stream in plan.network_inputs().items()}
    recorded = {file.path: file.sha256 for file in manifest.files}
    for path in inputs.values():
        _read_through(opened(path))
        check_digest(place, place_of(path, plan.format.words), recorded)
    generator = Generator(plan, _Comparison(readers, streams))
    generator.constants()
    generator.images(_images(plan, {name: opened(path) for name, path in inputs.items()}))
    for reader in readers.values():
        reader.finish()
    for path in recorded:
        check_digest(place, path, recorded)


def _plan(folder: Path, manifest: Manifest) -> Plan:
    """What the recorded program makes; it must be what the manifest says."""
    recorded = manifest.program
    check_digest(folder, recorded.path, {recorded.path: recorded.sha256})
    if recorded.arrays is not None:
        check_digest(folder, recorded.arrays, {recorded.arrays: recorded.arrays_sha256 or ""})
    program = load_program(inside(folder, recorded.path))
    sample = manifest.sample
    sampling = None if sample is None else Sampling(sample.pixels, sample.seed)
    names = [step.name for step in manifest.steps]
    try:
        plan = plan_vectors(program, names, manifest.vector_format, manifest.images, sampling, manifest.seed)
    except InputError as error:
        raise error.at(file=folder / MANIFEST_NAME) from None
    # With the digests the manifest records: they are compared with the files, not with each other.
    listed = {file.path: file.sha256 for file in manifest.files}
    places = {path: place_of(path, plan.format.words) for path, _ in plan.files()}
    missing = [place for place in places.values() if place not in listed]
    if missing:
        raise CheckFailed(f"{folder / MANIFEST_NAME}: does not list {missing[0]}")
    digests = {path: listed[place] for path, place in places.items()}
    wanted = plan.manifest(recorded.replace(name=program.name), digests).plain()
    found = manifest.plain()
    # Which version wrote a set is worth knowing and changes nothing.
    require_same(
        {**found, "npusim_version": None}, {**wanted, "npusim_version": None}, folder / MANIFEST_NAME
    )
    return plan


def check_digest(folder: Path, path: str, recorded: Mapping[str, str]) -> None:
    """Compare a file with the digest recorded for its path.

    Raises
    ------
    CheckFailed
        If it is missing or another one.
    """
    file = inside(folder, path)
    if not file.is_file():
        raise CheckFailed(f"{file}: the file is missing")
    found = file_digest(file)
    if found != recorded[path]:
        raise CheckFailed(f"{file}: content differs from its sha256 in the manifest; found {found}")


def _read_through(reader: WordReader) -> None:
    """Complain of broken lines before of a digest: that helps more."""
    reader.open()
    image_words = reader.stream.words // reader.stream.axes[0][1]
    for _ in range(reader.stream.axes[0][1]):
        reader.read(image_words)
    reader.finish()


def _images(plan: Plan, readers: dict[str, WordReader]) -> Iterator[dict[str, Array]]:
    for _ in range(plan.images):
        yield {name: _codes(plan, name, reader) for name, reader in readers.items()}


def _codes(plan: Plan, name: str, reader: WordReader) -> Array:
    kind = plan.program.tensors[name]
    words = reader.read(plan.network_inputs()[name].words)
    return words.reshape(kind.shape).astype(kind.dtype)


class _Comparison:
    """A sink that compares words with files."""

    def __init__(self, readers: dict[str, WordReader], streams: dict[str, Stream]) -> None:
        self._readers, self._streams = readers, streams
        self._seen = dict.fromkeys(readers, 0)

    def add(self, path: str, words: Words) -> None:
        """Compare the next words of a file."""
        reader, first = self._readers[path], self._seen[path]
        found = reader.read(len(words))
        self._seen[path] += len(words)
        wrong = (found != words).any(axis=1)
        if wrong.any():
            row = int(np.argmax(wrong))
            raise CheckFailed(
                f"{reader.where(first + row)}: {self._streams[path].place(first + row)}: "
                f"found {found[row].tolist()}, but the program makes {words[row].tolist()}"
            )
