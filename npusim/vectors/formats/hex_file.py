"""`$readmemh`: one word a line, fixed digits, two's complement, lane 0 in the least significant bits."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from npusim.errors import CheckFailed
from npusim.vectors.formats.base import WordFormat, WordReader
from npusim.vectors.stream import Stream
from npusim.vectors.words import Words, digit_count, digit_values, from_digits, to_digits

_HEADER_LINES = 1


class HexFormat(WordFormat):
    """Text that both Verilog simulators and people read.

    No ``@address`` stands before the words: with one, Icarus no longer warns of a short file.
    """

    suffix = ".hex"

    def header(self, stream: Stream) -> bytes:
        width = stream.bits * stream.codes_per_word
        return f"// {stream.name}, {width} bits, {stream.words} words\n".encode("ascii")

    def encode(self, stream: Stream, words: Words) -> bytes:
        digits = to_digits(words, stream.bits)
        lines = np.full((len(words), digits.shape[1] + 1), ord("\n"), np.uint8)
        lines[:, :-1] = digits
        return lines.tobytes()

    def word_bytes(self, stream: Stream) -> int:
        return digit_count(stream.bits, stream.codes_per_word) + 1

    def reader(self, path: Path, stream: Stream) -> WordReader:
        return HexReader(path, stream, self)


class HexReader(WordReader):
    """Reads exactly what `HexFormat` writes; places are lines."""

    def where(self, word: int) -> str:
        return f"{self.path}:{word + _HEADER_LINES + 1}"

    def _decode(self, content: bytes, count: int, first: int) -> Words:
        lines = np.frombuffer(content, np.uint8).reshape(count, self._word_bytes)
        values, wrong = digit_values(lines[:, :-1])
        broken = lines[:, -1] != ord("\n")
        if broken.any():
            wrong = min(int(broken.argmax()), count if wrong is None else wrong)
        if wrong is not None:
            self._refuse(lines[wrong].tobytes(), first + wrong)
        words, beyond = from_digits(
            values, self.stream.bits, self.stream.codes_per_word, signed=self.stream.signed
        )
        if beyond is not None:
            self._refuse(lines[beyond].tobytes(), first + beyond)
        return words

    def _refuse(self, line: bytes, word: int) -> None:
        width = self.stream.bits * self.stream.codes_per_word
        raise CheckFailed(
            f"{self.where(word)}: not a word of {width} bits in {self._word_bytes - 1} lower-case digits; "
            f"found {line!r}"
        )
