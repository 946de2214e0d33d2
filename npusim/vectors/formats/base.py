"""What a format of vector files must offer. Words are written and read in blocks, front to back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

from npusim.errors import CheckFailed
from npusim.vectors.stream import Stream
from npusim.vectors.words import Words


class WordFormat(ABC):
    """Writes and opens files of one format.

    Attributes
    ----------
    suffix
        The ending of its files.
    archive
        The name of the file that holds all files of a folder; None: each stands alone.
    binary
        Whether codes are integers of 8, 16, 32 or 64 bits, to be read as such.
    """

    suffix: str
    archive: str | None = None
    binary: bool = False

    @abstractmethod
    def header(self, stream: Stream) -> bytes:
        """What stands before the first word."""

    def footer(self, stream: Stream) -> bytes:
        """What stands behind the last word."""
        return b""

    @abstractmethod
    def encode(self, stream: Stream, words: Words) -> bytes:
        """The bytes of some words (words, lanes)."""

    @abstractmethod
    def word_bytes(self, stream: Stream) -> int:
        """The bytes of one word."""

    @abstractmethod
    def reader(self, path: Path, stream: Stream) -> WordReader:
        """Open a file that should hold a stream."""

    def size(self, stream: Stream) -> int:
        """The bytes of the whole file."""
        words = stream.words * self.word_bytes(stream)
        return len(self.header(stream)) + words + len(self.footer(stream))


class WordReader(ABC):
    """Reads a file front to back and believes nothing.

    The file is opened anew for each block: sets have more files than a process may hold open.
    """

    def __init__(self, path: Path, stream: Stream, layout: WordFormat) -> None:
        self.path, self.stream = path, stream
        self._word_bytes = layout.word_bytes(stream)
        self._header, self._footer = layout.header(stream), layout.footer(stream)
        self._offset = len(self._header)
        self._words_read = 0

    @abstractmethod
    def _decode(self, content: bytes, count: int, first: int) -> Words:
        """Words from exactly as many bytes as they take; `first` is the index of the first."""

    @abstractmethod
    def where(self, word: int) -> str:
        """File and place of a word, for people."""

    def open(self) -> None:
        """Check what stands before the first word.

        Raises
        ------
        CheckFailed
        """
        found = self._bytes(0, len(self._header))
        if found != self._header:
            raise CheckFailed(f"{self.path}:1: the header is not {self._header.strip()!r}; found {found!r}")

    def read(self, count: int) -> Words:
        """The next words (count, lanes).

        Raises
        ------
        CheckFailed
            If the file ends early or holds something else; naming file and line or word.
        """
        wanted = count * self._word_bytes
        content = self._bytes(self._offset, wanted)
        whole = len(content) // self._word_bytes
        words = self._decode(content[: whole * self._word_bytes], whole, self._words_read)
        self._offset += wanted
        self._words_read += whole
        if whole < count:
            raise CheckFailed(
                f"{self.where(self._words_read)}: the file ends after {self._words_read} words, "
                f"but {self.stream.words} are wanted"
            )
        return words

    def finish(self) -> None:
        """Check that nothing follows the last word but what must.

        Raises
        ------
        CheckFailed
        """
        if self._words_read != self.stream.words:
            raise CheckFailed(f"{self.path}: {self.stream.words} words wanted, {self._words_read} expected")
        found = self._bytes(self._offset, len(self._footer) + 1)
        if len(found) < len(self._footer):
            raise CheckFailed(f"{self.where(self._words_read)}: the file ends behind the last word")
        if found != self._footer:
            raise CheckFailed(f"{self.where(self._words_read)}: something follows the last word")

    def _bytes(self, offset: int, count: int) -> bytes:
        try:
            with self.path.open("rb") as stream:
                stream.seek(offset)
                return stream.read(count)
        except OSError as error:
            raise CheckFailed(f"{self.path}: cannot be read: {error.strerror}") from None
