"""Text for people and C: decimal numbers of a fixed width, one word a line."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from npusim.errors import CheckFailed
from npusim.vectors.decimals import Text, from_decimals, to_decimals, width_of
from npusim.vectors.formats.base import WordFormat, WordReader
from npusim.vectors.formats.binary_file import container
from npusim.vectors.stream import Stream
from npusim.vectors.words import Words, word_type

_WIDE = 64
_LEAST = b"-9223372036854775807LL - 1"
"""C has no literal for the least number of 64 bits."""


class TextFormat(WordFormat):
    """A comment, then decimal numbers, the lanes of a word side by side, lane 0 first."""

    suffix = ".txt"
    opening, between, closing = b"", b" ", b"\n"

    def header(self, stream: Stream) -> bytes:
        return f"# {_title(stream)}\n".encode("ascii")

    def encode(self, stream: Stream, words: Words) -> bytes:
        count, lanes = words.shape
        cells = self.cells(stream, words)
        opening, closing = self.ends(stream)
        lines = np.empty((count, self.word_bytes(stream)), np.uint8)
        lines[:, : len(opening)] = np.frombuffer(opening, np.uint8)
        lines[:, -len(closing) :] = np.frombuffer(closing, np.uint8)
        rows = np.empty((count, lanes, cells.shape[2] + len(self.between)), np.uint8)
        rows[:, :, : cells.shape[2]] = cells
        rows[:, :, cells.shape[2] :] = np.frombuffer(self.between, np.uint8)
        inner = lines.shape[1] - len(opening) - len(closing)
        lines[:, len(opening) : len(opening) + inner] = rows.reshape(count, rows.shape[1] * rows.shape[2])[
            :, :inner
        ]
        return lines.tobytes()

    def word_bytes(self, stream: Stream) -> int:
        opening, closing = self.ends(stream)
        lanes = stream.codes_per_word
        inner = lanes * self.cell_width(stream) + (lanes - 1) * len(self.between)
        return len(opening) + inner + len(closing)

    def reader(self, path: Path, stream: Stream) -> WordReader:
        return DecimalReader(path, stream, self)

    def ends(self, stream: Stream) -> tuple[bytes, bytes]:
        """What stands before and behind the numbers of a line."""
        return self.opening, self.closing

    def cell_width(self, stream: Stream) -> int:
        """Characters of a number."""
        return width_of(stream.bits, stream.signed)

    def cells(self, stream: Stream, words: Words) -> Text:
        """The characters of numbers: (words, lanes, characters)."""
        return to_decimals(words, width_of(stream.bits, stream.signed))

    def numbers(self, stream: Stream, cells: Text) -> Words:
        """The numbers of cells, as far as they are any."""
        return from_decimals(cells, word_type(stream.bits, stream.signed))[0]


class CFormat(TextFormat):
    """A C header with one array: ``static const int8_t conv1_weights[words][lanes]``."""

    suffix = ".h"
    between = b", "

    def header(self, stream: Stream) -> bytes:
        name = symbol(stream)
        macro = name.upper()
        kind = container(stream.bits, stream.signed)
        sizes = f"[{macro}_WORDS]" + ("" if stream.lanes is None else f"[{macro}_LANES]")
        lines = [f"/* {_title(stream)} */", f"#ifndef {macro}_H", f"#define {macro}_H", "#include <stdint.h>"]
        lines.append(f"#define {macro}_WORDS {stream.words}")
        if stream.lanes is not None:
            lines.append(f"#define {macro}_LANES {stream.lanes}")
        lines.append(f"static const {kind.name}_t {name}{sizes} = {{")
        return "\n".join([*lines, ""]).encode("ascii")

    def footer(self, stream: Stream) -> bytes:
        return b"};\n#endif\n"

    def ends(self, stream: Stream) -> tuple[bytes, bytes]:
        return (b"    ", b",\n") if stream.lanes is None else (b"    {", b"},\n")

    def cell_width(self, stream: Stream) -> int:
        if stream.bits < _WIDE:
            return super().cell_width(stream)
        return len(_LEAST) if stream.signed else super().cell_width(stream) + len(b"ULL")

    def cells(self, stream: Stream, words: Words) -> Text:
        if stream.bits < _WIDE:
            return super().cells(stream, words)
        ending = b"LL" if stream.signed else b"ULL"
        width = self.cell_width(stream) - len(ending)
        plain = to_decimals(words, width)
        suffix = np.broadcast_to(np.frombuffer(ending, np.uint8), (*words.shape, len(ending)))
        cells: Text = np.concatenate([plain, suffix], axis=-1)
        if stream.signed:
            cells[words == -(1 << _WIDE - 1)] = np.frombuffer(_LEAST, np.uint8)
        return cells

    def numbers(self, stream: Stream, cells: Text) -> Words:
        if stream.bits < _WIDE:
            return super().numbers(stream, cells)
        ending = len(b"LL") if stream.signed else len(b"ULL")
        words = from_decimals(cells[..., :-ending], word_type(stream.bits, stream.signed))[0]
        if stream.signed:
            words[(cells == np.frombuffer(_LEAST, np.uint8)).all(axis=-1)] = -(1 << _WIDE - 1)
        return words


class DecimalReader(WordReader):
    """Reads exactly what `TextFormat` or `CFormat` writes; places are lines."""

    def __init__(self, path: Path, stream: Stream, layout: TextFormat) -> None:
        super().__init__(path, stream, layout)
        self._layout = layout
        self._first_line = layout.header(stream).count(b"\n") + 1

    def where(self, word: int) -> str:
        return f"{self.path}:{word + self._first_line}"

    def _decode(self, content: bytes, count: int, first: int) -> Words:
        layout, stream = self._layout, self.stream
        lines = np.frombuffer(content, np.uint8).reshape(count, self._word_bytes)
        opening, closing = layout.ends(stream)
        width, lanes = layout.cell_width(stream), stream.codes_per_word
        inner = np.full((count, lanes * (width + len(layout.between))), 0, np.uint8)
        found = lines[:, len(opening) : lines.shape[1] - len(closing)]
        inner[:, : found.shape[1]] = found
        cells = inner.reshape(count, lanes, width + len(layout.between))[:, :, :width]
        words = layout.numbers(stream, cells)
        again = np.frombuffer(layout.encode(stream, words), np.uint8).reshape(lines.shape)
        wrong = (again != lines).any(axis=1)
        if wrong.any():
            row = int(wrong.argmax())
            raise CheckFailed(
                f"{self.where(first + row)}: not {lanes} decimal numbers of {width} characters; "
                f"found {lines[row].tobytes()!r}"
            )
        return words


def symbol(stream: Stream) -> str:
    """The name of a C array: the folder's and the file's."""
    owner = re.sub(r"[^A-Za-z0-9]+", "_", stream.owner).strip("_")
    name = f"{owner}_{stream.name}" if owner else stream.name
    return name if not name[0].isdigit() else f"step_{name}"


def _title(stream: Stream) -> str:
    lanes = "" if stream.lanes is None else f" of {stream.lanes} lanes"
    kind = "signed" if stream.signed else "unsigned"
    return f"{stream.name}, {stream.words} words{lanes}, {stream.bits} bits, {kind}"
