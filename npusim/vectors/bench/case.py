"""One run of a bench: a step's files, or a unit's, and their sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from npusim.vectors.bench.checksum import checksum
from npusim.vectors.bench.unit import Unit

CASE_NAME = "case.json"
"""A case as data, in its case folder: what the cocotb bench reads."""


@dataclass(frozen=True)
class MemoryFile:
    """One hex file: `words` words of `word_bits` bits, as the manifest says; its words' checksum."""

    name: str
    word_bits: int
    words: int
    checksum: int


@dataclass(frozen=True)
class Case:
    """What one run compares.

    Attributes
    ----------
    name
        The step's.
    folder, case_folder
        Where its vector files stand, and those that the bench alone has.
    sizes
        The bench's integers by name, such as ``channels``.
    comparisons
        How many words must have been compared in the end.
    """

    name: str
    unit: Unit
    folder: Path
    case_folder: Path
    sizes: Mapping[str, int]
    files: Sequence[MemoryFile]
    comparisons: int

    def place(self, file: MemoryFile) -> Path:
        """Where one of its files stands: with the vectors, or with the bench."""
        folder = self.case_folder if file.name == "pixels" else self.folder
        return folder / f"{file.name}.hex"

    def arguments(self) -> list[str]:
        """The bench's plusargs."""
        given = [f"+case={self.name}", f"+folder={self.folder}", f"+case_folder={self.case_folder}"]
        given.append(f"+comparisons={self.comparisons}")
        given += [f"+{name}={value}" for name, value in self.sizes.items()]
        for file in self.files:
            given += [f"+words_{file.name}={file.words}", f"+sum_{file.name}={file.checksum:08x}"]
        return given


def hex_words(text: str) -> list[int]:
    """The words of a hex file."""
    return [int(line, 16) for line in text.splitlines() if line and not line.startswith("//")]


def memory_file(name: str, word_bits: int, text: str) -> MemoryFile:
    """A hex file's description, from its text."""
    words = hex_words(text)
    return MemoryFile(name, word_bits, len(words), checksum(words, word_bits))


def hex_text(name: str, word_bits: int, words: Sequence[int]) -> str:
    """A hex file's text, as vector sets have it; negative words in two's complement."""
    digits = -(-word_bits // 4)
    mask = (1 << word_bits) - 1
    lines = [f"{word & mask:0{digits}x}" for word in words]
    return "\n".join([f"// {name}, {word_bits} bits, {len(words)} words", *lines, ""])
