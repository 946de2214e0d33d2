"""Numpy files: the same words as integers, for software; alone, or all of a folder in one archive."""

from __future__ import annotations

import zipfile
from pathlib import Path

from npusim.errors import CheckFailed
from npusim.vectors.formats.base import WordReader
from npusim.vectors.formats.binary_file import BinaryFormat, BinaryReader, container
from npusim.vectors.stream import Stream

_MAGIC = b"\x93NUMPY\x01\x00"
_ALIGNMENT = 64


class NpyFormat(BinaryFormat):
    """Little-endian integers of 8, 16, 32 or 64 bits, (words, lanes) or (words,).

    The header is written here, not by numpy, whose spacing may differ from version to version.
    """

    suffix = ".npy"

    def header(self, stream: Stream) -> bytes:
        shape = f"({stream.words},)" if stream.lanes is None else f"({stream.words}, {stream.lanes})"
        kind = container(stream.bits, stream.signed).str
        text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}"
        length = len(_MAGIC) + 2 + len(text) + 1
        text += " " * (-length % _ALIGNMENT) + "\n"
        return _MAGIC + len(text).to_bytes(2, "little") + text.encode("ascii")


class NpzFormat(NpyFormat):
    """As npy files, those of a folder in one archive, not compressed: ``np.load(path)["name"]``."""

    archive = "vectors.npz"

    def reader(self, path: Path, stream: Stream) -> WordReader:
        return NpzReader(path, stream, self)


class NpzReader(BinaryReader):
    """Reads one member of an archive; `path` is the archive's."""

    def where(self, word: int) -> str:
        return f"{self.path}: {self.stream.name}: word {word}"

    def _bytes(self, offset: int, count: int) -> bytes:
        try:
            with (
                zipfile.ZipFile(self.path) as archive,
                archive.open(f"{self.stream.name}{NpyFormat.suffix}") as member,
            ):
                member.seek(offset)
                return member.read(count)
        except OSError as error:
            raise CheckFailed(f"{self.path}: cannot be read: {error.strerror or error}") from None
        except (zipfile.BadZipFile, KeyError, EOFError, NotImplementedError, RuntimeError) as error:
            raise CheckFailed(f"{self.path}: {self.stream.name}: not a whole archive: {error}") from None
