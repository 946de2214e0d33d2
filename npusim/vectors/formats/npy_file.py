"""Numpy files: the same words as integers, for software."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from npusim.vectors.formats.base import WordFormat, WordReader
from npusim.vectors.stream import Stream
from npusim.vectors.words import Words, word_type

_MAGIC = b"\x93NUMPY\x01\x00"
_ALIGNMENT = 64


class NpyFormat(WordFormat):
    """Little-endian integers of 8, 16, 32 or 64 bits, (words, lanes) or (words,).

    The header is written here, not by numpy, whose spacing may differ from version to version.
    """

    suffix = ".npy"

    def header(self, stream: Stream) -> bytes:
        shape = f"({stream.words},)" if stream.lanes is None else f"({stream.words}, {stream.lanes})"
        text = f"{{'descr': '{_dtype(stream).str}', 'fortran_order': False, 'shape': {shape}, }}"
        length = len(_MAGIC) + 2 + len(text) + 1
        text += " " * (-length % _ALIGNMENT) + "\n"
        return _MAGIC + len(text).to_bytes(2, "little") + text.encode("ascii")

    def encode(self, stream: Stream, words: Words) -> bytes:
        return words.astype(_dtype(stream)).tobytes()

    def word_bytes(self, stream: Stream) -> int:
        return _dtype(stream).itemsize * stream.codes_per_word

    def reader(self, path: Path, stream: Stream) -> WordReader:
        return NpyReader(path, stream, self)


class NpyReader(WordReader):
    """Reads exactly what `NpyFormat` writes; places are words."""

    def where(self, word: int) -> str:
        return f"{self.path}: word {word}"

    def _decode(self, content: bytes, count: int, first: int) -> Words:
        codes = np.frombuffer(content, _dtype(self.stream))
        return codes.reshape(count, self.stream.codes_per_word).astype(
            word_type(self.stream.bits, self.stream.signed)
        )


def _dtype(stream: Stream) -> np.dtype[Any]:
    size = next(size for size in (1, 2, 4, 8) if stream.bits <= 8 * size)
    return np.dtype(f"<{'i' if stream.signed else 'u'}{size}")
