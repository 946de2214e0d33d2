"""What a manifest says of one file of words."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

from npusim.vectors.formats import WordFormat
from npusim.vectors.formats.binary_file import container
from npusim.vectors.manifest import Axis, VectorFile
from npusim.vectors.stream import Stream


def file_entry(path: str, stream: Stream, words: WordFormat, digests: Mapping[str, str]) -> VectorFile:
    """The entry of a file, or of an archive's member; `digests` by path."""
    name = PurePosixPath(path)
    archived = words.archive is not None
    return VectorFile(
        path=place_of(path, words),
        member=name.name if archived else None,
        name=stream.name,
        role=stream.role,
        words=stream.words,
        bits=stream.bits,
        container_bits=8 * container(stream.bits, stream.signed).itemsize if words.binary else None,
        lanes=stream.codes_per_word,
        word_bits=stream.bits * stream.codes_per_word,
        signed=stream.signed,
        order=tuple(Axis(axis=axis, size=size) for axis, size in stream.axes),
        tensor=stream.tensor,
        missing_lanes=stream.missing_lanes,
        sha256=digests[path],
    )


def place_of(path: str, words: WordFormat) -> str:
    """The file that a path of a set leads to: itself, or its folder's archive."""
    return path if words.archive is None else str(PurePosixPath(path).parent / words.archive)
