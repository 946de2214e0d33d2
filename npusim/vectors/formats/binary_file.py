"""Raw binary: little-endian integers and nothing else; what they are stands in the manifest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from npusim.vectors.formats.base import WordFormat, WordReader
from npusim.vectors.stream import Stream
from npusim.vectors.words import Words, word_type


def container(bits: int, signed: bool) -> np.dtype[Any]:
    """The little-endian integer type of 8, 16, 32 or 64 bits that holds a code."""
    size = next(size for size in (1, 2, 4, 8) if bits <= 8 * size)
    return np.dtype(f"<{'i' if signed else 'u'}{size}")


class BinaryFormat(WordFormat):
    """Each code in the narrowest of 8, 16, 32 and 64 bits, sign-extended, lane 0 first."""

    suffix = ".bin"
    binary = True

    def header(self, stream: Stream) -> bytes:
        return b""

    def encode(self, stream: Stream, words: Words) -> bytes:
        return words.astype(container(stream.bits, stream.signed)).tobytes()

    def word_bytes(self, stream: Stream) -> int:
        return container(stream.bits, stream.signed).itemsize * stream.codes_per_word

    def reader(self, path: Path, stream: Stream) -> WordReader:
        return BinaryReader(path, stream, self)


class BinaryReader(WordReader):
    """Reads exactly what `BinaryFormat` writes; places are words."""

    def where(self, word: int) -> str:
        return f"{self.path}: word {word}"

    def _decode(self, content: bytes, count: int, first: int) -> Words:
        stream = self.stream
        codes = np.frombuffer(content, container(stream.bits, stream.signed))
        return codes.reshape(count, stream.codes_per_word).astype(word_type(stream.bits, stream.signed))
